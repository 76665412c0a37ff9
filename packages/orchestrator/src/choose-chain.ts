import { chainName, isChain, parseChain } from '@acmex/certificate';
import { printable } from '@acmex/errors';
import type { ChainWithKey, Generation } from './certificate-record.ts';
import { OrchestratorError } from './errors.ts';
import { chainsInUse } from './key-pair.ts';

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

/**
 * Returns the chains and the key of a generation that are of a key type.
 * @param wanted the first, or the only ones, by default
 * @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT`, with the key types that there are
 */
export function chooseKey(
  generation: ChainWithKey & Pick<Generation, 'second'>,
  wanted: string | undefined,
): ChainWithKey {
  if (wanted === undefined) return generation;
  const all = chainsInUse(generation).map((content) => ({
    content,
    type: parseChain(content.chain)[0]?.keyType ?? 'unknown',
  }));
  const chosen = all.find(({ type }) => type === wanted);
  if (chosen) return chosen.content;
  throw new OrchestratorError(
    'ERR_ORCHESTRATOR_INPUT',
    `there is no certificate with a key of the type ${printable(wanted, 100)}: use ${printable(all.map(({ type }) => type).join(' or '), 200)}`,
  );
}
