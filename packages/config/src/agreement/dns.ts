import { dnsProviderTypes, tokenAloneTypes } from '../dns/entry.ts';
import { keyPathOf } from '../dns/kind.ts';
import { dnsKinds } from '../dns/kinds.ts';
import { isTable, type KeyPath, valueAt } from '../key-path.ts';
import { certificates, type Check, fault, unknownName } from './check.ts';

/** Providers are named once, and those that are named are there. */
export const dnsProviders: Check = (settings) => {
  const at = (key: string) => valueAt(settings.table, ['challenge', 'dns01', key]);
  const [provider, token, given] = [at('provider'), at('api_token'), at('providers')];
  const entries = (Array.isArray(given) ? given : []).map((one: unknown) => (isTable(one) && typeof one['name'] === 'string' ? one['name'] : ''));
  const short = (name: string) => tokenAloneTypes.includes(name) && !entries.includes(name);
  const path: KeyPath = ['challenge', 'dns01', 'provider'];
  return [
    ...entries.map((name, index) => (name !== '' && entries.indexOf(name) < index ? fault(settings, ['challenge', 'dns01', 'providers', index, 'name'], 'is taken by another provider', 'write another name') : undefined)),
    typeof provider !== 'string' || entries.includes(provider) || short(provider) ? undefined
      : dnsProviderTypes.includes(provider) ? fault(settings, path, 'needs options', `write them in [[challenge.dns01.providers]], with name = "${provider}"`)
        : unknownName(settings, path, provider, [...entries, ...tokenAloneTypes], 'challenge.dns01.providers'),
    typeof provider === 'string' && short(provider) && token === undefined ? fault(settings, ['challenge', 'dns01', 'api_token'], 'is missing', `write the credential of ${provider}`) : undefined,
    token !== undefined && !(typeof provider === 'string' && short(provider)) ? fault(settings, ['challenge', 'dns01', 'api_token'], 'belongs to no provider', 'write it into the provider\'s own table') : undefined,
    ...certificates(settings).map((certificate, index) => {
      const name = certificate['dns_provider'];
      const known = [...entries, ...(typeof provider === 'string' && short(provider) ? [provider] : [])];
      return typeof name === 'string' && !known.includes(name) ? unknownName(settings, ['certificates', index, 'dns_provider'], name, known, 'challenge.dns01.providers') : undefined;
    }),
  ];
};

/** `dns-01` has someone who writes the records. */
export const dnsChallenges: Check = (settings) => {
  const none = valueAt(settings.table, ['challenge', 'dns01', 'provider']) === undefined;
  const cure = 'write challenge.dns01.provider';
  const general = valueAt(settings.table, ['challenge', 'challenge_type']);
  return [
    none && general === 'dns-01' ? fault(settings, ['challenge', 'challenge_type'], 'is dns-01, and nobody writes the records', cure) : undefined,
    ...certificates(settings).map(({ challenge, dns_provider: own }, at) => (none && challenge === 'dns-01' && own === undefined ? fault(settings, ['certificates', at, 'challenge'], 'is dns-01, and nobody writes the records', `${cure}, or dns_provider here`) : undefined)),
    ...certificates(settings).map(({ challenge, names }, at) => {
      const wildcard = Array.isArray(names) && names.some((name: unknown) => typeof name === 'string' && name.startsWith('*.'));
      return wildcard && (challenge ?? general ?? 'http-01') !== 'dns-01' ? fault(settings, ['certificates', at, 'names'], 'has a wildcard, which dns-01 alone can prove', 'write challenge = "dns-01"') : undefined;
    }),
  ];
};

/** Keys that are of no use without another. */
export const pairs: Check = (settings) => {
  const given = valueAt(settings.table, ['challenge', 'dns01', 'providers']);
  return (Array.isArray(given) ? given : []).flatMap((one: unknown, at) => {
    if (!isTable(one)) return [];
    const { options = [] } = dnsKinds.find(({ type }) => type === one['type']) ?? {};
    return options.map((option) => {
      const other = options.find(({ option: name }) => name === option.with);
      const [[key], [needed]] = [keyPathOf(option), other ? keyPathOf(other) : ['']];
      if (!other || one[key] === undefined || one[needed] !== undefined) return undefined;
      return fault(settings, ['challenge', 'dns01', 'providers', at, needed], 'is missing', `${key} is of no use without ${needed}: write both, or neither`);
    });
  });
};
