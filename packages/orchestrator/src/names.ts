import { identifiers, ipVersion } from '@acmex/identifier';
import { OrchestratorError } from './errors.ts';

/**
 * Returns names in the form in which they are stored: A-labels and addresses in canonical form,
 * each once.
 * @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT` for an empty list
 * @throws IdentifierError `ERR_ACME_IDENTIFIER` for a name that no certificate can have
 */
export function checkedNames(names: readonly string[]): readonly string[] {
  if (names.length === 0)
    throw new OrchestratorError('ERR_ORCHESTRATOR_INPUT', 'a certificate needs at least one name');
  return identifiers(names).map(({ value }) => value);
}

/**
 * `com/example/www`: a domain's names are next to each other. A wildcard is `~`, an address is
 * below `~ip`.
 */
export function reversedName(name: string): string {
  // An earlier version stored addresses with a zone.
  if (name.includes(':') || ipVersion(name) === 4) return `~ip/${name.replaceAll(':', '-')}`;
  return name
    .split('.')
    .reverse()
    .map((label) => (label === '*' ? '~' : label))
    .join('/');
}
