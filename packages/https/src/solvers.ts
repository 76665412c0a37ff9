import { bodyAt, http01Shared, type SharedResponses } from '@acmex/challenge/http-01';
import { certificateAt, serverName, tlsAlpn01Shared } from '@acmex/challenge/tls-alpn-01';
import type { ChallengeSolver } from '@acmex/client';
import { type Clock, withTimeLimit } from '@acmex/clock';
import { HttpsError } from './errors.ts';

/** The challenges that the ports of the program answer. */
export type PortChallenge = 'tls-alpn-01' | 'http-01';

interface SolverOptions {
  readonly shared: (type: PortChallenge) => SharedResponses;
  readonly ports: { readonly https: number; readonly http: number };
  readonly clock: Clock;
}

/** How long the program may take to listen before an attempt fails, which then costs nothing. */
const listenLimit = { seconds: 30 };
const pause = { milliseconds: 200 };

/**
 * Solves a challenge by the ports of this program. The CA is not asked before the program itself
 * shows the response there, so that a program that listens late has no failed validation.
 */
export function portSolver(
  type: PortChallenge,
  { shared, ports, clock }: SolverOptions,
): ChallengeSolver {
  const seen = async (
    port: number,
    ask: (signal: AbortSignal) => Promise<boolean>,
    signal: AbortSignal | undefined,
  ) => {
    await withTimeLimit({ clock, limit: listenLimit, signal }, async (limited) => {
      while (!(await ask(limited).catch(() => false)))
        await clock.sleep(pause, { signal: limited });
    }).catch((cause: unknown) => {
      signal?.throwIfAborted();
      throw new HttpsError(
        'ERR_HTTPS_NOT_SERVED',
        `port ${port} of this machine does not show the response to ${type}: listen there, or set ports`,
        { cause },
      );
    });
  };
  if (type === 'http-01') {
    const solver = http01Shared({ shared: shared(type) });
    return {
      ...solver,
      visible: async ({ token, keyAuthorization }, { signal } = {}) =>
        await seen(
          ports.http,
          async (limited) => {
            const place = { address: '127.0.0.1', port: ports.http };
            return (await bodyAt(place, token, limited)) === keyAuthorization;
          },
          signal,
        ),
    } as typeof solver as unknown as ChallengeSolver;
  }
  const solver = tlsAlpn01Shared({ shared: shared(type) });
  return {
    ...solver,
    visible: async ({ identifier, digest }, { signal } = {}) =>
      await seen(
        ports.https,
        async (limited) => {
          const place = { address: '127.0.0.1', port: ports.https };
          const certificate = await certificateAt(place, serverName(identifier), limited);
          return certificate.includes(Buffer.from(digest, 'base64url'));
        },
        signal,
      ),
  } as typeof solver as unknown as ChallengeSolver;
}
