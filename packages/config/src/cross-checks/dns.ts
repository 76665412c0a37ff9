import { dnsProviderTypes, tokenAloneTypes, matches } from '../dns/entry.ts';
import { type DnsOption, keyPathOf } from '../dns/kind.ts';
import { dnsKinds } from '../dns/kinds.ts';
import { isTable, type KeyPath, valueAt, type Settings } from '../settings.ts';
import { certificates, type Check, fault, unknownName } from './check.ts';

/** Providers are named once, and those that are named are there. */
export const dnsProviders: Check = (settings) => {
  const at = (key: string) => valueAt(settings.table, ['challenge', 'dns01', key]);
  const [provider, token, given] = [at('provider'), at('api_token'), at('providers')];
  const entries = (Array.isArray(given) ? given : []).map((one: unknown) =>
    isTable(one) && typeof one['name'] === 'string' ? one['name'] : '',
  );
  const short = (name: string) => tokenAloneTypes.includes(name) && !entries.includes(name);
  const path: KeyPath = ['challenge', 'dns01', 'provider'];
  return [
    ...entries.map((name, index) =>
      name !== '' && entries.indexOf(name) < index
        ? fault(
            settings,
            ['challenge', 'dns01', 'providers', index, 'name'],
            'is taken by another provider',
            'write another name',
          )
        : undefined,
    ),
    typeof provider !== 'string' || entries.includes(provider) || short(provider)
      ? undefined
      : dnsProviderTypes.includes(provider)
        ? fault(
            settings,
            path,
            'needs options',
            `write them in [[challenge.dns01.providers]], with name = "${provider}"`,
          )
        : unknownName(
            settings,
            path,
            provider,
            [...entries, ...tokenAloneTypes],
            'challenge.dns01.providers',
          ),
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

/** Those types whose records are written for each challenge. */
const written: readonly unknown[] = ['dns-01', 'dns-account-01'];

/** `dns-01` has someone who writes the records. */
export const dnsChallenges: Check = (settings) => {
  const patterns = patternsOf(settings);
  const general = valueAt(settings.table, ['challenge', 'challenge_type']);
  const nobody = valueAt(settings.table, ['challenge', 'dns01', 'provider']) === undefined;
  const cure = 'write challenge.dns01.provider';
  return [
    nobody && patterns.length === 0 && written.includes(general)
      ? fault(
          settings,
          ['challenge', 'challenge_type'],
          `is ${String(general)}, and nobody writes the records`,
          cure,
        )
      : undefined,
    ...certificates(settings).flatMap(
      ({ challenge = general ?? 'http-01', dns_provider: own, names }, at) => {
        if (!nobody || own !== undefined || !written.includes(challenge)) return [];
        if (patterns.length === 0)
          return written.includes(general)
            ? []
            : [
                fault(
                  settings,
                  ['certificates', at, 'challenge'],
                  `is ${String(challenge)}, and nobody writes the records`,
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
                `write one of ${patterns.map(({ pattern }) => pattern).join(', ')} so that it is, or challenge.dns01.provider for the rest`,
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
            'has a wildcard, which dns-01 alone can prove',
            'write challenge = "dns-01"',
          )
        : undefined;
    }),
  ];
};

/** A pattern is one provider's. */
export const dnsZones: Check = (settings) => {
  const patterns = patternsOf(settings);
  return patterns.map(({ pattern, path }, at) => {
    const before = patterns.findIndex((one) => one.pattern === pattern);
    return before < at
      ? fault(settings, path, 'stands there twice', 'write it for one provider only')
      : undefined;
  });
};

/** The `zones` of all providers. */
function patternsOf(
  settings: Settings,
): readonly { readonly pattern: string; readonly path: KeyPath }[] {
  const given = valueAt(settings.table, ['challenge', 'dns01', 'providers']);
  return (Array.isArray(given) ? given : []).flatMap((one: unknown, at) => {
    const zones = isTable(one) && Array.isArray(one['zones']) ? one['zones'] : [];
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

/** Keys that are of no use without another, and those of which one is needed. */
export const pairs: Check = (settings) => {
  const given = valueAt(settings.table, ['challenge', 'dns01', 'providers']);
  return (Array.isArray(given) ? given : []).flatMap((one: unknown, at) => {
    if (!isTable(one)) return [];
    const { options = [] } = dnsKinds.find(({ type }) => type === one['type']) ?? {};
    const keyOf = (option: DnsOption) => keyPathOf(option)[0];
    const placeOf = (key: string): KeyPath => ['challenge', 'dns01', 'providers', at, key];
    const missing = options
      .filter((option) => one[keyOf(option)] !== undefined)
      .flatMap((option) => {
        const needed = options
          .filter(({ option: name }) => option.with?.includes(name))
          .map(keyOf)
          .filter((key) => one[key] === undefined);
        return needed.map((key) =>
          fault(
            settings,
            placeOf(key),
            'is missing',
            `${keyOf(option)} is of no use without ${key}: write both, or neither`,
          ),
        );
      });
    const choices = [...new Set(options.flatMap(({ oneOf }) => oneOf ?? []))].map((group) => {
      const keys = options.filter(({ oneOf }) => oneOf === group).map(keyOf);
      const [first, second] = keys.filter((key) => one[key] !== undefined);
      if (first !== undefined && second === undefined) return undefined;
      return fault(
        settings,
        placeOf(second ?? keys[0] ?? ''),
        first === undefined ? 'is missing' : `stands beside ${first}`,
        `write one of ${keys.join(', ')}`,
      );
    });
    return [...missing, ...choices];
  });
};
