import { systemClock, withTimeLimit } from '@acmex/clock';
import type { TargetCallOptions } from './target.ts';
import type { TargetApiOptions } from './target-api.ts';
import {
  secretsOf,
  targetFailures,
  type TargetRefusal,
  throwCredentialFailure,
} from './target-failure.ts';

export interface TargetSdkOptions extends Pick<TargetApiOptions, 'target' | 'limit' | 'clock'> {
  /** As messages name the place. */
  readonly host: string;
  /** Reads an error of the SDK; undefined where the place did not answer. */
  readonly toRefusal: (error: unknown) => TargetRefusal | undefined;
}

export interface SdkCall<T> extends TargetCallOptions {
  /** Makes the call; it may still be under way when the signal has aborted. */
  readonly call: (signal: AbortSignal) => Promise<T>;
  /** What the call sends: nothing of it is in a message. */
  readonly body?: unknown;
  /** The credentials, as they are sent; read after the call. */
  readonly credentials?: () => readonly string[];
  /** Whether a refusal is an answer and no failure, as the 404 of what may be absent. */
  readonly accept?: (refusal: TargetRefusal) => boolean;
}

/** Resolves to undefined for a refusal that is accepted. */
export type TargetSdk = <T>(call: SdkCall<T>) => Promise<T | undefined>;

/**
 * Returns what calls a vendor's SDK as `targetApi` calls an API: with the same time limit and the
 * same errors. The retries of the SDK are to be off: a deployment is tried again as a whole. A
 * DeployError that a call throws is passed on.
 */
export function targetSdk({
  target,
  host,
  toRefusal,
  limit = 'PT30S',
  clock = systemClock,
}: TargetSdkOptions): TargetSdk {
  const failures = targetFailures(target, host);
  return async <T>({ call, body, credentials, accept, signal }: SdkCall<T>) => {
    try {
      return await withTimeLimit({ clock, limit, signal }, (limited) => endedBy(limited, call));
    } catch (error) {
      signal?.throwIfAborted();
      throwCredentialFailure(error);
      const refusal = toRefusal(error);
      if (refusal && accept?.(refusal)) return undefined;
      const secrets = [...(credentials?.() ?? []), ...secretsOf({}, body)];
      if (!refusal) throw failures.unreachable(error, secrets);
      throw refusal.status < 300 ? failures.unexpected() : failures.refused(refusal, secrets);
    }
  };
}

/** An SDK may not look at its signal before a request is on its way. */
async function endedBy<T>(
  signal: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ended = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  return await Promise.race([ended, call(signal)]);
}
