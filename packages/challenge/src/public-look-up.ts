import type { Clock } from '@acmex/clock';
import { networkOf } from '@acmex/identifier';
import type { SharedResponses } from './shared-responses.ts';

/** How long a name is remembered for which no machine shows a response. Milliseconds. */
const unknownMs = 2000;
/** How many such names are remembered. */
const maxUnknown = 10_000;
/** How many look-ups one network of clients has at once; more wait for their turn. */
const lookUpsPerNetwork = 4;

/** Finds the response for a name; `address` is that of the client, where it is known. */
export type PublicLookUp = (name: string, address?: string) => Promise<string | undefined>;

/**
 * Looks up shared responses for clients that anyone may be. Each look-up costs the storage one read
 * per tenant: a name that no machine shows is remembered for a moment, requests for one name share
 * a look-up, and the clients of one network cannot take the turns of others.
 */
export function publicLookUp(
  shared: Pick<SharedResponses, 'find'>,
  { clock }: { readonly clock: Clock },
): PublicLookUp {
  const unknownUntil = new Map<string, number>();
  const running = new Map<string, Promise<string | undefined>>();
  const turns = turnsByNetwork();

  const find = async (name: string, network: string): Promise<string | undefined> =>
    await turns(network, async () => {
      const response = await shared.find(name);
      if (response !== undefined) return response;
      const [oldest] = unknownUntil.keys();
      if (unknownUntil.size >= maxUnknown && oldest !== undefined) unknownUntil.delete(oldest);
      unknownUntil.set(name, clock.monotonic() + unknownMs);
      return undefined;
    });

  return async (name, address = '') => {
    if ((unknownUntil.get(name) ?? -Infinity) > clock.monotonic()) return undefined;
    unknownUntil.delete(name);
    const existing = running.get(name);
    if (existing) return await existing;
    const lookUp = find(name, networkOf(address)).finally(() => running.delete(name));
    running.set(name, lookUp);
    return await lookUp;
  };
}

/** Runs a few works of each network at once, and the others after them. */
function turnsByNetwork(): <T>(network: string, work: () => Promise<T>) => Promise<T> {
  const networks = new Map<string, { running: number; readonly waiting: (() => void)[] }>();
  return async (network, work) => {
    const state = networks.get(network) ?? { running: 0, waiting: [] };
    networks.set(network, state);
    if (state.running >= lookUpsPerNetwork)
      await new Promise<void>((resolve) => {
        state.waiting.push(resolve);
      });
    else state.running += 1;
    try {
      return await work();
    } finally {
      // The place goes to the next that waits, or is free.
      const next = state.waiting.shift();
      if (next) next();
      else state.running -= 1;
      if (state.running === 0) networks.delete(network);
    }
  };
}
