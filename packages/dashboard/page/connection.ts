import { signal } from '@preact/signals';
import { resume, signOut } from './session.ts';
import { everySeconds, idleSeconds } from './time.ts';

/** Whether the last request reached the server. The page says so when it does not. */
export const isConnected = signal(true);

/** Calls `action` each time that the server can be reached again. @returns what ends that */
export function onReconnection(action: () => void): () => void {
  let wasConnected = isConnected.peek();
  return isConnected.subscribe((connected) => {
    if (connected && !wasConnected) action();
    wasConnected = connected;
  });
}

/** Seconds that a session of the server may be idle. The questions of this page would keep it alive. */
const longestIdle = 3600;

/**
 * Finds out within seconds that the session has ended elsewhere, and ends it when no one uses the
 * page any more.
 * @returns what ends that
 */
export function watchSession(): () => void {
  return everySeconds(3, () => {
    void (idleSeconds() > longestIdle ? signOut() : resume()).then(
      () => {
        isConnected.value = true;
      },
      () => {
        isConnected.value = false;
      },
    );
  });
}
