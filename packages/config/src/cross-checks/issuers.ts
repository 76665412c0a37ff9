import { isTable, type KeyPath, valueAt, withoutValueAt, type Settings } from '../settings.ts';
import { wellKnownIssuers } from '../well-known-issuers.ts';
import { certificates, type Check, fault, unknownName } from './check.ts';

/** Returns the issuer name of `[acme]`. */
export function acmeIssuerName(ca: unknown, environment: unknown): string {
  return `${String(ca ?? 'letsencrypt')}${environment === 'staging' ? '-staging' : ''}`;
}

/**
 * The settings without the key of an external account without its identifier: the variable may be
 * set for other calls.
 */
export function withoutHalfAccount(settings: Settings): Settings {
  const binding = ['acme', 'external_account_binding'];
  const at = (key: string) => valueAt(settings.table, [...binding, key]);
  const left =
    at('key_id') === undefined &&
    at('hmac_key') !== undefined &&
    settings.originOf([...binding, 'hmac_key']).from === 'environment';
  return left ? settings.withTable(withoutValueAt(settings.table, binding)) : settings;
}

/** Checks that `[acme]` names exactly one existing CA. */
export const acme: Check = (settings) => {
  const at = (key: string) => valueAt(settings.table, ['acme', key]);
  const [ca, url, environment] = [at('ca'), at('ca_custom_url'), at('ca_environment')];
  const wantsStaging =
    environment === 'staging' &&
    typeof ca === 'string' &&
    !Object.hasOwn(wellKnownIssuers, acmeIssuerName(ca, environment));
  return [
    ca === 'custom' && url === undefined
      ? fault(
          settings,
          ['acme', 'ca_custom_url'],
          'is missing',
          'write the URL of the CA\'s ACME directory, as ca = "custom" asks for',
        )
      : undefined,
    ca !== 'custom' && url !== undefined
      ? fault(
          settings,
          ['acme', 'ca_custom_url'],
          'does not go with ca',
          'set ca = "custom", or remove it',
        )
      : undefined,
    wantsStaging
      ? fault(
          settings,
          ['acme', 'ca_environment'],
          'does not go with ca',
          ca === 'custom'
            ? 'remove it: ca_custom_url is the whole URL'
            : 'write "production": this CA has no staging',
        )
      : undefined,
  ];
};

/** Checks that certificates name existing issuers. */
export const issuers: Check = (settings) => {
  const tables = settings.table['issuers'];
  const acmeName = acmeIssuerName(
    valueAt(settings.table, ['acme', 'ca']),
    valueAt(settings.table, ['acme', 'ca_environment']),
  );
  const names = [
    ...(Object.hasOwn(wellKnownIssuers, acmeName) || acmeName === 'custom' ? [acmeName] : []),
    ...(isTable(tables) ? Object.keys(tables) : []),
  ];
  const taken =
    isTable(tables) && Object.hasOwn(tables, acmeName)
      ? fault(settings, ['issuers', acmeName], 'is the name of [acme]', 'write a different name')
      : undefined;
  const unknown = (path: KeyPath, issuer: unknown) =>
    typeof issuer === 'string' && !names.includes(issuer)
      ? unknownName(settings, path, issuer, names, 'issuers')
      : undefined;
  const unknownIn = (path: KeyPath, list: unknown) => [
    ...(Array.isArray(list) ? list : []).map((issuer: unknown, index) =>
      unknown([...path, index], issuer),
    ),
    Array.isArray(list) && new Set(list).size < list.length
      ? fault(settings, path, 'has a name twice', 'write each issuer once')
      : undefined,
  ];
  return [
    taken,
    ...unknownIn(['acme', 'issuers'], valueAt(settings.table, ['acme', 'issuers'])),
    ...certificates(settings).flatMap(({ issuer, issuers: several }, at) => [
      unknown(['certificates', at, 'issuer'], issuer),
      ...unknownIn(['certificates', at, 'issuers'], several),
      issuer !== undefined && several !== undefined
        ? fault(
            settings,
            ['certificates', at, 'issuers'],
            'does not go with issuer',
            'write only issuers, the preferred one first',
          )
        : undefined,
    ]),
  ];
};
