import { randomUUID } from 'node:crypto';
import type { ChallengeSolver } from '@acmex/client';
import { type Clock, systemClock, withTimeLimit } from '@acmex/clock';
import { inTurn, listenerOnDemand, whereListening } from '../port.ts';
import { rehearse } from '../rehearsal.ts';
import { publicLookUp } from '../public-look-up.ts';
import type { SharedResponses } from '../shared-responses.ts';
import { bodyAt } from './loopback.ts';
import { type Http01Response, respondHttp01, supportsHttp01 } from './response.ts';
import { close, serverFor } from './server.ts';
import { answering } from './shared.ts';

export interface Http01Options {
  /** 80 by default, where every CA asks. */
  readonly port?: number;
  /** The address to listen on; all of IPv6 and IPv4 by default. */
  readonly host?: string | undefined;
  /**
   * Where other machines find what is shown, and this one what they show: then a port that is in
   * use is theirs to answer on.
   */
  readonly shared?: SharedResponses | undefined;
  readonly clock?: Clock;
}

/**
 * Answers http-01 with a listener of its own, one for any number of tokens: it opens with the first
 * and is gone with the last. `visible` asks this listener over loopback, for 5 seconds at most;
 * whether the CA's way leads here it cannot know.
 * @throws ChallengeError by `check` and `present`: `ERR_CHALLENGE_PORT_IN_USE`, `ERR_CHALLENGE_PORT_DENIED`,
 * `ERR_CHALLENGE_LISTEN`; by `check` and `visible`: `ERR_CHALLENGE_NOT_VISIBLE`
 */
export function http01({
  port = 80,
  host,
  shared,
  clock = systemClock,
}: Http01Options = {}): ChallengeSolver<Http01Response> {
  const tokens = new Map<string, string>();
  const turn = inTurn();
  const listener = listenerOnDemand({
    make: () => serverFor(answering(tokens, shared && publicLookUp(shared, { clock }))),
    close,
    place: { port, host },
    sharesResponses: shared !== undefined,
  });
  const visibleBody = async (token: string, signal: AbortSignal): Promise<string | undefined> =>
    await whereListening(listener, {
      open: async () => {
        if (tokens.has(token)) await turn(() => listener.open());
      },
      ask: async (address) => await bodyAt(address, token, signal),
      signal,
    });

  const solver: ChallengeSolver<Http01Response> = {
    type: 'http-01',
    supports: supportsHttp01,
    check: async (_, options) =>
      await rehearse(solver, { token: randomUUID(), keyAuthorization: randomUUID() }, options),
    respond: respondHttp01,
    present: ({ token, keyAuthorization }, { signal } = {}) =>
      turn(async () => {
        signal?.throwIfAborted();
        await shared?.put(token, keyAuthorization);
        tokens.set(token, keyAuthorization);
        await listener.open().catch((error: unknown) => {
          tokens.delete(token);
          throw error;
        });
      }),
    visible: async ({ token, keyAuthorization }, { signal } = {}) => {
      const body = await withTimeLimit({ clock, limit: 'PT5S', signal }, (limited) =>
        visibleBody(token, limited),
      ).catch((cause: unknown) => {
        signal?.throwIfAborted();
        throw listener.notVisible('the response', { cause });
      });
      if (body !== keyAuthorization) throw listener.notVisible('the response');
    },
    remove: ({ token }) =>
      turn(async () => {
        tokens.delete(token);
        await shared?.remove(token);
        if (tokens.size === 0) await listener.close();
      }),
  };
  return solver;
}
