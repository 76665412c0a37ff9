import { bodyAt, http01Shared, type SharedResponses } from '@acmex/challenge/http-01';
import { certificateAt, serverName, tlsAlpn01Shared } from '@acmex/challenge/tls-alpn-01';
import type { ChallengeSolver } from '@acmex/client';
import { type Clock, withTimeLimit } from '@acmex/clock';
import { HttpsError } from './errors.ts';
import type { Place } from './options.ts';

/** The challenges that the ports of the program answer. */
export type PortChallenge = 'tls-alpn-01' | 'http-01';

interface SolverOptions {
  readonly shared: (type: PortChallenge) => SharedResponses;
  readonly place: Place;
  readonly clock: Clock;
}

/** How long the program may take to listen before an attempt fails, which then costs nothing. */
const listenLimit = { seconds: 30 };
const pause = { milliseconds: 200 };

/**
 * Solves a challenge by the ports of this program. The CA is not asked before the program itself
 * shows the response there, so that a program that listens late has no failed validation.
 */
export function portSolver(type: PortChallenge, options: SolverOptions): ChallengeSolver {
  // A solver only reads responses that it wrote, and those have its own type.
  return (type === 'http-01'
    ? httpSolver(options)
    : tlsSolver(options)) as unknown as ChallengeSolver;
}

function httpSolver({ shared, place, clock }: SolverOptions): ReturnType<typeof http01Shared> {
  const at = addressOf(place.host, place.http);
  return {
    ...http01Shared({ shared: shared('http-01') }),
    visible: async ({ token, keyAuthorization }, { signal } = {}) =>
      await untilShown(async (limited) => (await bodyAt(at, token, limited)) === keyAuthorization, {
        type: 'http-01',
        port: at.port,
        clock,
        signal,
      }),
  };
}

function tlsSolver({ shared, place, clock }: SolverOptions): ReturnType<typeof tlsAlpn01Shared> {
  const at = addressOf(place.host, place.https);
  return {
    ...tlsAlpn01Shared({ shared: shared('tls-alpn-01') }),
    visible: async ({ identifier, digest }, { signal } = {}) =>
      await untilShown(
        async (limited) =>
          (await certificateAt(at, serverName(identifier), limited)).includes(
            Buffer.from(digest, 'base64url'),
          ),
        { type: 'tls-alpn-01', port: at.port, clock, signal },
      ),
  };
}

/** Where this program reaches a port of its own. */
function addressOf(host = '::', port: number) {
  return { address: host, port };
}

/** @throws HttpsError `ERR_HTTPS_NOT_SERVED`; the reason of the signal */
async function untilShown(
  isShown: (signal: AbortSignal) => Promise<boolean>,
  {
    type,
    port,
    clock,
    signal,
  }: {
    readonly type: PortChallenge;
    readonly port: number;
    readonly clock: Clock;
    readonly signal: AbortSignal | undefined;
  },
): Promise<void> {
  let cause: unknown;
  const ask = async (limited: AbortSignal) => {
    try {
      return await isShown(limited);
    } catch (error) {
      cause = error;
      return false;
    }
  };
  try {
    await withTimeLimit({ clock, limit: listenLimit, signal }, async (limited) => {
      while (!(await ask(limited))) await clock.sleep(pause, { signal: limited });
    });
  } catch {
    signal?.throwIfAborted();
    throw new HttpsError(
      'ERR_HTTPS_NOT_SERVED',
      `port ${port} of this machine does not show the response to ${type}: listen there, or set ports and host`,
      { cause },
    );
  }
}
