import { dnsProviderTypes, tokenAloneTypes, matches } from '../dns/provider.ts';
import { type DnsOption, keyPathOf } from '../dns/kind.ts';
import { dnsKinds } from '../dns/kinds.ts';
import { isTable, type KeyPath, valueAt, type Settings } from '../settings.ts';
import { certificates, type Check, fault, unknownName } from './check.ts';

/** Checks that provider names are unique, and that the providers which are named exist. */
export const dnsProviders: Check = (settings) => {
  const at = (key: string) => valueAt(settings.table, ['challenge', 'dns01', key]);
  const [provider, token, list] = [at('provider'), at('api_token'), at('providers')];
  const entries = (Array.isArray(list) ? list : []).map((entry: unknown) =>
    isTable(entry) && typeof entry['name'] === 'string' ? entry['name'] : '',
  );
  const short = (name: string) => tokenAloneTypes.includes(name) && !entries.includes(name);
  return [
    ...entries.map((name, index) =>
      name !== '' && entries.indexOf(name) < index
        ? fault(
            settings,
            ['challenge', 'dns01', 'providers', index, 'name'],
            'is the name of an earlier provider',
            'write a different name',
          )
        : undefined,
    ),
    typeof provider !== 'string' || entries.includes(provider) || short(provider)
      ? undefined
      : undefinedProvider(settings, provider, entries),
    typeof provider === 'string' && short(provider) && token === undefined
      ? fault(
          settings,
          ['challenge', 'dns01', 'api_token'],
          'is missing',
          `write the credential of ${provider}`,
        )
      : undefined,
    token !== undefined && !(typeof provider === 'string' && short(provider))
      ? fault(
          settings,
          ['challenge', 'dns01', 'api_token'],
          'belongs to no provider',
          "write it into the provider's own table",
        )
      : undefined,
    ...certificates(settings).map((certificate, index) => {
      const name = certificate['dns_provider'];
      const known = [
        ...entries,
        ...(typeof provider === 'string' && short(provider) ? [provider] : []),
      ];
      return typeof name === 'string' && !known.includes(name)
        ? unknownName(
            settings,
            ['certificates', index, 'dns_provider'],
            name,
            known,
            'challenge.dns01.providers',
          )
        : undefined;
    }),
  ];
};

function undefinedProvider(settings: Settings, provider: string, entries: readonly string[]) {
  const path: KeyPath = ['challenge', 'dns01', 'provider'];
  if (!dnsProviderTypes.includes(provider))
    return unknownName(
      settings,
      path,
      provider,
      [...entries, ...tokenAloneTypes],
      'challenge.dns01.providers',
    );
  const cure = `write them in [[challenge.dns01.providers]], with name = "${provider}"`;
  return fault(settings, path, 'needs options', cure);
}

/** The challenge types that write a record for each order. */
const written: readonly unknown[] = ['dns-01', 'dns-account-01'];

/** Checks that dns-01 has a provider that writes the records. */
export const dnsChallenges: Check = (settings) => {
  const patterns = patternsOf(settings);
  const general = valueAt(settings.table, ['challenge', 'challenge_type']);
  const hasNoProvider = valueAt(settings.table, ['challenge', 'dns01', 'provider']) === undefined;
  const cure = 'write challenge.dns01.provider';
  return [
    hasNoProvider && patterns.length === 0 && written.includes(general)
      ? fault(
          settings,
          ['challenge', 'challenge_type'],
          `is ${String(general)}, and no DNS provider writes the records`,
          cure,
        )
      : undefined,
    ...certificates(settings).flatMap(
      ({ challenge = general ?? 'http-01', dns_provider: dnsProvider, names }, at) => {
        if (!hasNoProvider || dnsProvider !== undefined || !written.includes(challenge)) return [];
        if (patterns.length === 0)
          return written.includes(general)
            ? []
            : [
                fault(
                  settings,
                  ['certificates', at, 'challenge'],
                  `is ${String(challenge)}, and no DNS provider writes the records`,
                  `${cure}, or dns_provider here`,
                ),
              ];
        const orphan = (name: unknown) =>
          typeof name === 'string' && !patterns.some(({ pattern }) => matches(pattern, name));
        return (Array.isArray(names) ? names : []).map((name: unknown, item) =>
          orphan(name)
            ? fault(
                settings,
                ['certificates', at, 'names', item],
                'is in no zone of a DNS provider',
                `write one of ${patterns.map(({ pattern }) => pattern).join(', ')} so that it is, or challenge.dns01.provider for the other names`,
              )
            : undefined,
        );
      },
    ),
    ...certificates(settings).map(({ challenge, names }, at) => {
      const wildcard =
        Array.isArray(names) &&
        names.some((name: unknown) => typeof name === 'string' && name.startsWith('*.'));
      return wildcard && !String(challenge ?? general ?? 'http-01').startsWith('dns-')
        ? fault(
            settings,
            ['certificates', at, 'names'],
            'has a wildcard, which only dns-01 can validate',
            'write challenge = "dns-01"',
          )
        : undefined;
    }),
  ];
};

/** Checks that a pattern belongs to only one provider. */
export const dnsZones: Check = (settings) => {
  const patterns = patternsOf(settings);
  return patterns.map(({ pattern, path }, at) => {
    const before = patterns.findIndex((candidate) => candidate.pattern === pattern);
    return before < at
      ? fault(settings, path, 'is there twice', 'write it for one provider only')
      : undefined;
  });
};

/** Returns the `zones` of all providers. */
function patternsOf(
  settings: Settings,
): readonly { readonly pattern: string; readonly path: KeyPath }[] {
  const list = valueAt(settings.table, ['challenge', 'dns01', 'providers']);
  return (Array.isArray(list) ? list : []).flatMap((entry: unknown, at) => {
    const zones = isTable(entry) && Array.isArray(entry['zones']) ? entry['zones'] : [];
    return zones.flatMap((pattern: unknown, item) =>
      typeof pattern === 'string'
        ? [
            {
              pattern: pattern.toLowerCase(),
              path: ['challenge', 'dns01', 'providers', at, 'zones', item],
            },
          ]
        : [],
    );
  });
}

/**
 * Checks for keys that need a second key, and for groups of keys of which exactly one is needed.
 */
export const pairs: Check = (settings) => {
  const list = valueAt(settings.table, ['challenge', 'dns01', 'providers']);
  return (Array.isArray(list) ? list : []).flatMap((entry: unknown, at) => {
    if (!isTable(entry)) return [];
    const { options = [] } = dnsKinds.find(({ type }) => type === entry['type']) ?? {};
    const keyOf = (option: DnsOption) => keyPathOf(option)[0];
    const placeOf = (key: string): KeyPath => ['challenge', 'dns01', 'providers', at, key];
    const missing = options
      .filter((option) => entry[keyOf(option)] !== undefined)
      .flatMap((option) => {
        const needed = options
          .filter(({ option: name }) => option.with?.includes(name))
          .map(keyOf)
          .filter((key) => entry[key] === undefined);
        return needed.map((key) =>
          fault(
            settings,
            placeOf(key),
            'is missing',
            `${keyOf(option)} has no effect without ${key}: write both, or neither`,
          ),
        );
      });
    const choices = [...new Set(options.flatMap(({ oneOf }) => oneOf ?? []))].map((group) => {
      const keys = [...new Set(options.filter(({ oneOf }) => oneOf === group).map(keyOf))];
      const [first, second] = keys.filter((key) => entry[key] !== undefined);
      if (first !== undefined && second === undefined) return undefined;
      return fault(
        settings,
        placeOf(second ?? keys[0] ?? ''),
        first === undefined ? 'is missing' : `is set beside ${first}`,
        `write one of ${keys.join(', ')}`,
      );
    });
    return [...missing, ...choices];
  });
};
