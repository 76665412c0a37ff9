import { isIP } from 'node:net';
import type { Identifier } from '@acmex/certificate';
import { OrchestratorError } from './errors.ts';

/** A name as certificates have it. */
export function identifierOf(name: string): Identifier {
  return isIP(name) === 0 ? { type: 'dns', value: name } : { type: 'ip', value: name };
}

/** Names in the form that they are kept in: lower case, each once. @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT` */
export function checkedNames(names: readonly string[]): readonly string[] {
  const own = [...new Set(names.map((name) => name.toLowerCase()))];
  if (own.length === 0)
    throw new OrchestratorError('ERR_ORCHESTRATOR_INPUT', 'a certificate needs one name at least');
  const bad = own.find(
    (name) =>
      isIP(name) === 0 &&
      !/^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(
        name,
      ),
  );
  if (bad !== undefined || own.some((name) => name.length > 253))
    throw new OrchestratorError(
      'ERR_ORCHESTRATOR_INPUT',
      `${JSON.stringify(bad ?? 'a name')} is neither a domain name in ASCII nor an IP address: write example.com, *.example.com or 192.0.2.1`,
    );
  return own;
}

/** `com/example/www`: a domain's names lie together. A wildcard is `~`, an address is below `~ip`. */
export function reversedName(name: string): string {
  if (isIP(name) !== 0) return `~ip/${name.replaceAll(':', '-')}`;
  return name
    .split('.')
    .reverse()
    .map((label) => (label === '*' ? '~' : label))
    .join('/');
}
