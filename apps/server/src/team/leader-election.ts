import { type Clock, type DurationInput, systemClock } from '@acmex/clock';
import { acquireLock, type Storage } from '@acmex/storage';

export interface LeaderElectionOptions {
  readonly storage: Storage;
  /** The lock that the leader holds. */
  readonly name: string;
  /** A leader that is silent for so long is replaced. */
  readonly lease: DurationInput;
  /** Called with each error; the election is repeated. */
  readonly onError?: ((error: unknown) => void) | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * Runs something in one of the processes that share a storage, and in another one when the leader
 * ends or is silent.
 * @param begin starts it here; called again whenever this process becomes the leader
 * @returns ends this process's part in the election
 */
export function leaderElection(
  { storage, name, lease, onError, clock = systemClock }: LeaderElectionOptions,
  begin: () => AsyncDisposable,
): AsyncDisposable {
  const ended = new AbortController();
  const lead = async () => {
    await using lock = await acquireLock(storage, name, { lease, signal: ended.signal, clock });
    const work = begin();
    await aborted(AbortSignal.any([lock.signal, ended.signal]));
    await work[Symbol.asyncDispose]();
  };
  const loop = async () => {
    while (!ended.signal.aborted) {
      await lead().catch(async (error: unknown) => {
        if (ended.signal.aborted) return;
        onError?.(error);
        await clock.sleep({ seconds: 1 }, { signal: ended.signal }).catch(() => {
          /* the election ends */
        });
      });
    }
  };
  const running = loop();
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await running;
    },
  };
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
