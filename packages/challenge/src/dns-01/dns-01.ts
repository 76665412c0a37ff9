import type { ChallengeSolver } from '@acmex/client';
import { type TxtResponse, txtSolver, type TxtSolverOptions } from '../txt-solver.ts';

export type Dns01Options = TxtSolverOptions;
export type Dns01Response = TxtResponse;

/**
 * Proves domain names and wildcards by TXT records. RFC 8555 §8.4. Where `_acme-challenge` is an
 * alias (CNAME), the record is written where that leads. A name and its wildcard show two values at
 * one name.
 * @throws DnsError by all that the provider and the look-ups throw
 */
export function dns01(options: Dns01Options): ChallengeSolver<Dns01Response> {
  return txtSolver(
    {
      type: 'dns-01',
      nameBefore: ({ identifier }) => `_acme-challenge.${identifier.value}`,
      nameOf: ({ identifier }) => `_acme-challenge.${identifier.value}`,
      describeChallenge: ({ identifier, token, keyAuthorization }) => ({
        domain: identifier.value,
        token,
        keyAuthorization,
      }),
    },
    options,
  );
}
