import type { Dns01Response } from '@acmex/challenge/dns-01';
import type { ChallengeSolver, NameToProve } from '@acmex/client';

/**
 * A response with the name of its provider, so that another process can remove it by the same
 * provider.
 */
export type ResponseByName = Dns01Response & {
  readonly provider: string;
  /** The name to validate, which may be a wildcard; only where a person writes the record. */
  readonly attendedName?: string;
};

export interface DnsByNameOptions {
  readonly type: 'dns-01' | 'dns-account-01';
  /**
   * Returns the name of the provider that writes the records of a domain, which may be a wildcard.
   */
  readonly choose: (name: string) => string;
  /** Returns the solver of this type that uses a provider. */
  readonly solverOf: (provider: string) => Promise<ChallengeSolver<Dns01Response>>;
}

/** Validates each name by the provider that writes its records. */
export function dnsByName({
  type,
  choose,
  solverOf,
}: DnsByNameOptions): ChallengeSolver<ResponseByName> {
  return {
    type,
    supports: (identifier) => identifier.type === 'dns',
    isAttended: ({ attendedName }) => attendedName !== undefined,
    async check(names, options) {
      const namesByProvider = new Map<string, NameToProve[]>();
      for (const name of names) {
        const { identifier, wildcard } = name;
        const provider = choose(wildcard ? `*.${identifier.value}` : identifier.value);
        namesByProvider.set(provider, [...(namesByProvider.get(provider) ?? []), name]);
      }
      for (const [provider, itsNames] of namesByProvider)
        await (await solverOf(provider)).check?.(itsNames, options);
    },
    async respond(challenge, options) {
      const {
        identifier: { value },
        wildcard,
      } = challenge;
      const name = wildcard ? `*.${value}` : value;
      const provider = choose(name);
      const solver = await solverOf(provider);
      const response = await solver.respond(challenge, options);
      const isAttended = solver.isAttended?.(response) ?? false;
      return { ...response, provider, ...(isAttended ? { attendedName: name } : {}) };
    },
    present: async (response, options) =>
      await (await solverOf(response.provider)).present(response, options),
    visible: async (response, options) =>
      await (await solverOf(response.provider)).visible(response, options),
    remove: async (response) => await (await solverOf(response.provider)).remove(response),
  };
}

/** Opens each provider once; one that could not be opened, again. */
export function openedOnce<T>(open: (name: string) => Promise<T>): (name: string) => Promise<T> {
  const opened = new Map<string, Promise<T>>();
  return (name) => {
    const existing = opened.get(name);
    if (existing) return existing;
    const promise = open(name);
    opened.set(name, promise);
    promise.catch(() => opened.delete(name));
    return promise;
  };
}
