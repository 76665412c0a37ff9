import { isIP } from 'node:net';
import type { Identifier } from '@acmex/certificate';
import { OrchestratorError } from './errors.ts';

/** Returns a name as a certificate has it. */
export function identifierOf(name: string): Identifier {
  return isIP(name) === 0 ? { type: 'dns', value: name } : { type: 'ip', value: name };
}

/**
 * Returns names in the form that is stored: lower case, without duplicates.
 * @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT`
 */
export function checkedNames(names: readonly string[]): readonly string[] {
  const normalized = [...new Set(names.map((name) => name.toLowerCase()))];
  if (normalized.length === 0)
    throw new OrchestratorError('ERR_ORCHESTRATOR_INPUT', 'a certificate needs at least one name');
  const bad = normalized.find(
    (name) =>
      isIP(name) === 0 &&
      !/^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(
        name,
      ),
  );
  if (bad !== undefined || normalized.some((name) => name.length > 253))
    throw new OrchestratorError(
      'ERR_ORCHESTRATOR_INPUT',
      `${JSON.stringify(bad ?? 'a name')} is neither a domain name in ASCII nor an IP address: write example.com, *.example.com or 192.0.2.1`,
    );
  return normalized;
}

/** Returns `com/example/www`, which sorts the names of a domain together. A wildcard is `~`, and addresses are below `~ip`. */
export function reversedName(name: string): string {
  if (isIP(name) !== 0) return `~ip/${name.replaceAll(':', '-')}`;
  return name
    .split('.')
    .reverse()
    .map((label) => (label === '*' ? '~' : label))
    .join('/');
}
