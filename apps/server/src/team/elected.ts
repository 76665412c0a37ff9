import { type Clock, type DurationInput, systemClock } from '@acmex/clock';
import { acquireLock, type Storage } from '@acmex/storage';

export interface ElectedOptions {
  readonly storage: Storage;
  /** What is run, in parts as in a key: one process at a time runs it. */
  readonly name: string;
  /** How long the one may be silent before another runs it; 10 seconds by default. */
  readonly lease?: DurationInput | undefined;
  /** Is told what goes wrong; it is tried again. */
  readonly onError?: ((error: unknown) => void) | undefined;
  readonly clock?: Clock | undefined;
}

/** Runs something in one of the processes that share a storage, and in another when that one ends or is silent. Until it is disposed of. */
export function elected(
  {
    storage,
    name,
    lease,
    onError = () => {
      /* nobody wants to know */
    },
    clock = systemClock,
  }: ElectedOptions,
  begin: () => AsyncDisposable,
): AsyncDisposable {
  const ended = new AbortController();
  const running = (async () => {
    while (!ended.signal.aborted) {
      try {
        await using lock = await acquireLock(storage, name, { lease, signal: ended.signal, clock });
        const work = begin();
        try {
          await aborted([lock.signal, ended.signal]);
        } finally {
          await work[Symbol.asyncDispose]();
        }
      } catch (error) {
        if (ended.signal.aborted) return;
        onError(error);
        await clock.sleep({ seconds: 1 }, { signal: ended.signal }).catch(() => {
          /* it ends */
        });
      }
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await running;
    },
  };
}

async function aborted(signals: readonly AbortSignal[]): Promise<void> {
  const any = AbortSignal.any([...signals]);
  if (!any.aborted)
    await new Promise<void>((resolve) => {
      any.addEventListener('abort', () => resolve(), { once: true });
    });
}
