import type { Clock } from '@acmex/clock';
import type { Refusal } from './json-api.ts';
import type { DnsOptions } from './provider.ts';

/** What a token endpoint grants. RFC 6749 §5.1 */
export interface GrantedToken {
  readonly access_token: string;
  /** Seconds; some write them as text. */
  readonly expires_in: number | string;
}

/** A token that is asked for when it is needed, and kept. */
export interface KeptToken<T extends GrantedToken> {
  /**
   * Calls `work` with the token. If it is one that the host took before, and is forgotten during the
   * call, `work` is called once more with a new one.
   */
  use<Result>(options: DnsOptions, work: (token: T) => Promise<Result>): Promise<Result>;
  /** The host does not take it any longer. */
  forget(): void;
}

/** @param options `early`: seconds before its end from which a token is asked for again */
export function keptToken<T extends GrantedToken>(
  ask: (options: DnsOptions) => Promise<T>,
  { early, clock }: { readonly early: number; readonly clock: Clock },
): KeptToken<T> {
  let cached: { readonly granted: T; readonly until: number } | undefined;
  const remembered = () =>
    cached && clock.monotonic() < cached.until ? cached.granted : undefined;
  const get = async (options: DnsOptions): Promise<T> => {
    const granted = await ask(options);
    cached = { granted, until: clock.monotonic() + (Number(granted.expires_in) - early) * 1000 };
    return granted;
  };
  return {
    async use(options, work) {
      const earlier = remembered();
      if (!earlier) return await work(await get(options));
      try {
        return await work(earlier);
      } catch (error) {
        if (cached?.granted === earlier) throw error;
        return await work(remembered() ?? (await get(options)));
      }
    },
    forget: () => {
      cached = undefined;
    },
  };
}

/**
 * A token endpoint says by status 400 that it does not take credentials. For `refusal` of
 * `jsonApi`. RFC 6749 §5.2
 */
export function tokenRefusal(json: unknown, status: number): Refusal | undefined {
  if (status !== 400 && status !== 401) return undefined;
  const { error, error_description: description } = {
    ...(json as { readonly error?: unknown; readonly error_description?: unknown } | undefined),
  };
  const message = `${String(description ?? '')} (${String(error)})`;
  if (error === 'temporarily_unavailable' || error === 'server_error')
    return { code: 'ERR_DNS_API', trouble: true, message };
  return { code: error === 'slow_down' ? 'ERR_DNS_RATE_LIMITED' : 'ERR_DNS_CREDENTIALS', message };
}
