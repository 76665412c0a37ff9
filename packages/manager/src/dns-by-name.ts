import type { Dns01Response } from '@acmex/challenge/dns-01';
import type { ChallengeSolver } from '@acmex/client';

/** A response with who shows it, so that another process takes it down by the same. */
export type ResponseByName = Dns01Response & { readonly provider: string };

export interface DnsByNameOptions {
  readonly type: 'dns-01' | 'dns-account-01';
  /** The name of the provider that writes the record of a name, which may be a wildcard. */
  readonly choose: (name: string) => string;
  /** What proves names of this type by a provider. */
  readonly solverOf: (provider: string) => Promise<ChallengeSolver<Dns01Response>>;
}

/** Proves each name by the provider that writes its records. */
export function dnsByName({
  type,
  choose,
  solverOf,
}: DnsByNameOptions): ChallengeSolver<ResponseByName> {
  return {
    type,
    supports: (identifier) => identifier.type === 'dns',
    async respond(challenge, more) {
      const {
        identifier: { value },
        wildcard,
      } = challenge;
      const provider = choose(wildcard ? `*.${value}` : value);
      return { ...(await (await solverOf(provider)).respond(challenge, more)), provider };
    },
    present: async (response, more) =>
      await (await solverOf(response.provider)).present(response, more),
    visible: async (response, more) =>
      await (await solverOf(response.provider)).visible(response, more),
    remove: async (response) => await (await solverOf(response.provider)).remove(response),
  };
}

/** Opens each that is named once. */
export function openedOnce<T>(open: (name: string) => Promise<T>): (name: string) => Promise<T> {
  const opened = new Map<string, Promise<T>>();
  return (name) => {
    const one = opened.get(name) ?? open(name);
    opened.set(name, one);
    return one;
  };
}
