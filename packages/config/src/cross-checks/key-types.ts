import { isTable, type KeyPath, type Settings, type Table } from '../settings.ts';
import { certificates, type Check, fault } from './check.ts';

const secondPaths = [
  'second_cert_path',
  'second_fullchain_path',
  'second_chain_path',
  'second_key_path',
] as const;

/**
 * Checks that a certificate has its key types by one key of the configuration, that two of them are
 * of different kinds, and that files of a second key are for a certificate that has one.
 */
export const keyTypePairs: Check = (settings) =>
  certificates(settings).flatMap((entry, at) => [
    ...pairFaults(settings, entry, ['certificates', at, 'key_types']),
    ...(typesIn(entry).length < 2 ? secondFileFaults(settings, entry, at) : []),
  ]);

/** Returns the key types of an entry as they are written. */
export function typesIn({ key_type: single, key_types: several }: Table): readonly unknown[] {
  if (Array.isArray(several)) return several;
  return [single ?? 'ec-p256'];
}

function pairFaults(settings: Settings, entry: Table, path: KeyPath): ReturnType<Check> {
  if (!Array.isArray(entry['key_types'])) return [];
  const [first, second] = typesIn(entry);
  if (entry['key_type'] !== undefined)
    return [fault(settings, path, 'does not go with key_type', 'write only one of the two')];
  if (entry['key'] !== undefined)
    return [fault(settings, path, 'does not go with key, which has its type already', 'remove it')];
  if (typeof first !== 'string' || typeof second !== 'string' || isRsa(first) !== isRsa(second))
    return [];
  return [
    fault(
      settings,
      path,
      `has two types of the same kind, ${first} and ${second}`,
      'write an RSA type and an EC type, such as ["ec-p256", "rsa-2048"]',
    ),
  ];
}

function isRsa(type: string): boolean {
  return type.startsWith('rsa-');
}

function secondFileFaults(settings: Settings, { deploy }: Table, at: number): ReturnType<Check> {
  const targets = Array.isArray(deploy) ? deploy : [];
  return targets.flatMap((target: unknown, index) =>
    secondPaths
      .filter((key) => isTable(target) && target[key] !== undefined)
      .map((key) =>
        fault(
          settings,
          ['certificates', at, 'deploy', index, key],
          'is for a second key, and this certificate has a single one',
          'write key_types with two types, such as ["ec-p256", "rsa-2048"], or remove it',
        ),
      ),
  );
}
