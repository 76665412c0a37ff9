import { chainName, isChain } from '@acmex/certificate';
import { printable } from '@acmex/errors';
import type { Generation } from './certificate-record.ts';
import { OrchestratorError } from './errors.ts';

/**
 * Returns one of the chains of a generation.
 * @param wanted its number, where 1 is the chain in use; the common name of the issuer that it ends
 * in; or the SHA-256 fingerprint of any certificate in it
 * @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT`, with the chains that there are
 */
export function chooseChain(
  { chain, alternates }: Pick<Generation, 'chain' | 'alternates'>,
  wanted: string,
): string {
  const chains = [chain, ...alternates];
  const chosen = /^\d{1,4}$/.test(wanted)
    ? chains[Number(wanted) - 1]
    : chains.find((candidate) => isChain(candidate, wanted));
  if (chosen !== undefined) return chosen;
  const stored = chains.map((candidate, index) => `${index + 1} (${chainName(candidate)})`);
  throw new OrchestratorError(
    'ERR_ORCHESTRATOR_INPUT',
    `there is no chain ${printable(wanted, 100)}: use ${printable(stored.join(' or '), 500)}`,
  );
}
