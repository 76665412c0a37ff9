import { isKeyReference } from '@acmex/certificate';
import { isTable, type KeyPath, valueAt, type Settings } from '../settings.ts';
import { certificates, type Check, fault } from './check.ts';

/**
 * Checks that each key in a device has a table which says how to sign with it, and that nothing is
 * wanted of it which a key in a device cannot do.
 */
export const deviceKeys: Check = (settings) => [
  ...references(settings).map(([path, reference]) => unsigned(settings, path, reference)),
  programNamedPkcs11(settings),
  ...certificates(settings).flatMap((entry, at) =>
    isKeyOf(entry['key']) ? impossible(settings, at) : [],
  ),
];

function isKeyOf(value: unknown): value is string {
  return typeof value === 'string' && isKeyReference(value);
}

/** Returns the keys in devices, with their places. */
function references(settings: Settings): readonly (readonly [KeyPath, string])[] {
  const issuers = valueAt(settings.table, ['issuers']);
  const names = isTable(issuers) ? Object.keys(issuers) : [];
  const places: readonly KeyPath[] = [
    ['acme', 'account_key'],
    ...names.map((name) => ['issuers', name, 'account_key']),
    ...certificates(settings).map((_, at) => ['certificates', at, 'key']),
  ];
  return places.flatMap((place) => {
    const value = valueAt(settings.table, place);
    return isKeyOf(value) ? [[place, value] as const] : [];
  });
}

function unsigned(settings: Settings, path: KeyPath, reference: string) {
  const scheme = reference.slice(0, reference.indexOf(':')).toLowerCase();
  const needed =
    scheme === 'pkcs11' ? ['keys', 'pkcs11', 'module'] : ['keys', 'programs', scheme, 'command'];
  if (valueAt(settings.table, needed) !== undefined) return undefined;
  return fault(
    settings,
    path,
    `begins with ${scheme}:, and nothing says how to sign with such keys`,
    `set ${needed.join('.')}`,
  );
}

function programNamedPkcs11(settings: Settings) {
  const path = ['keys', 'programs', 'pkcs11'];
  if (valueAt(settings.table, path) === undefined) return undefined;
  return fault(settings, path, 'has a name that is taken', 'use a different name, or keys.pkcs11');
}

function impossible(settings: Settings, at: number) {
  const deploy = valueAt(settings.table, ['certificates', at, 'deploy']);
  const targets = Array.isArray(deploy) ? deploy.filter(isTable) : [];
  const withKey = targets.findIndex((target) => target['key_path'] !== undefined);
  const hasType = valueAt(settings.table, ['certificates', at, 'key_type']) !== undefined;
  return [
    withKey < 0
      ? undefined
      : fault(
          settings,
          ['certificates', at, 'deploy', withKey, 'key_path'],
          'is for a private key, and this one never leaves its device',
          'remove it, and let the server use the device',
        ),
    hasType
      ? fault(
          settings,
          ['certificates', at, 'key_type'],
          'does not go with key, which has its type already',
          'remove it',
        )
      : undefined,
  ];
}
