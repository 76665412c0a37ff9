import { dns01, type Dns01Options, type Dns01Response } from '@acmex/challenge/dns-01';
import type { ChallengeSolver } from '@acmex/client';
import type { DnsProvider } from '@acmex/dns';

/** A response with who shows it, so that another process takes it down by the same. */
export type Dns01ByName = Dns01Response & { readonly provider: string };

export interface DnsByNameOptions extends Omit<Dns01Options, 'provider'> {
  /** The name of the provider that writes the record of a name, which may be a wildcard. */
  readonly choose: (name: string) => string;
  /** Opens a provider; called once for each. */
  readonly open: (provider: string) => Promise<DnsProvider>;
}

/** Proves each name by the provider that writes its records. */
export function dnsByName({ choose, open, ...options }: DnsByNameOptions): ChallengeSolver<Dns01ByName> {
  const solvers = new Map<string, Promise<ChallengeSolver<Dns01Response>>>();
  const solverOf = (provider: string) => {
    const solver = solvers.get(provider) ?? open(provider).then((opened) => dns01({ provider: opened, ...options }));
    solvers.set(provider, solver);
    return solver;
  };
  return {
    type: 'dns-01',
    supports: ({ type }) => type === 'dns',
    async respond(challenge, more) {
      const { identifier: { value }, wildcard } = challenge;
      const provider = choose(wildcard ? `*.${value}` : value);
      return { ...await (await solverOf(provider)).respond(challenge, more), provider };
    },
    present: async (response, more) => await (await solverOf(response.provider)).present(response, more),
    visible: async (response, more) => await (await solverOf(response.provider)).visible(response, more),
    remove: async (response) => await (await solverOf(response.provider)).remove(response),
  };
}
