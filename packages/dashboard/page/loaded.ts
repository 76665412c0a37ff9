import { type ReadonlySignal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { onReconnection } from './connection.ts';
import { type Failure, failureOf } from './server.ts';
import { everySeconds } from './time.ts';

export interface Loaded<T> {
  /** What was loaded last; stays while it is loaded again, and when that fails. */
  readonly data: ReadonlySignal<T | undefined>;
  readonly failure: ReadonlySignal<Failure | undefined>;
  readonly isLoading: ReadonlySignal<boolean>;
  readonly reload: () => void;
}

/**
 * Loads something for a screen: at first, when `key` changes, every `seconds`, and when the server can
 * be reached again. What comes too late is dropped.
 */
export function useLoaded<T>(
  key: string,
  load: (signal: AbortSignal) => Promise<T>,
  { seconds }: { readonly seconds?: number } = {},
): Loaded<T> {
  const data = useSignal<T | undefined>(undefined);
  const failure = useSignal<Failure | undefined>(undefined);
  const isLoading = useSignal(true);
  const running = useRef<AbortController | undefined>(undefined);
  const latest = useRef(load);
  latest.current = load;

  const reload = () => {
    running.current?.abort();
    const controller = new AbortController();
    const { signal } = controller;
    running.current = controller;
    isLoading.value = true;
    void latest.current(signal).then(
      (value) => {
        if (signal.aborted) return;
        data.value = value;
        failure.value = undefined;
        isLoading.value = false;
      },
      (error: unknown) => {
        if (signal.aborted) return;
        failure.value = failureOf(error);
        isLoading.value = false;
      },
    );
  };
  useEffect(() => {
    data.value = undefined;
    reload();
    return () => running.current?.abort();
  }, [key]);
  useEffect(() => (seconds === undefined ? undefined : everySeconds(seconds, reload)), [seconds]);
  useEffect(() => onReconnection(reload), []);
  return { data, failure, isLoading, reload };
}
