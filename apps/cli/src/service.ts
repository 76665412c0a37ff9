import type { Terminal } from './terminal.ts';

/**
 * Waits until the terminal's signal aborts, and reloads at each SIGHUP: one reload after the other.
 * @param reload reports its own failure
 */
export async function untilStopped(
  { signal, onHangup }: Pick<Terminal, 'signal' | 'onHangup'>,
  reload: () => Promise<void>,
): Promise<void> {
  let reloading = Promise.resolve();
  const unsubscribe = onHangup(() => {
    reloading = reloading.then(reload);
  });
  if (!signal.aborted)
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  unsubscribe();
  await reloading;
}
