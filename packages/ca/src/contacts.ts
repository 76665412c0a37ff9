import { isDomainName } from '@acmex/identifier';
import { quoted, refusal } from './problems.ts';

/**
 * The contacts of an account: e-mail addresses as `mailto:` URLs, at most ten. RFC 8555 §7.3
 * @throws Refusal `malformed`, `unsupportedContact`, `invalidContact`
 */
export function readContacts(json: unknown): readonly string[] {
  if (json === undefined) return [];
  if (
    !Array.isArray(json) ||
    !json.every((contact): contact is string => typeof contact === 'string')
  )
    throw refusal('malformed', '"contact" is a list of URLs');
  if (json.length > 10)
    throw refusal(
      'invalidContact',
      `an account has at most ten contacts, and this one has ${json.length}`,
    );
  for (const contact of json) check(contact);
  return [...new Set(json)];
}

function check(contact: string): void {
  if (!/^mailto:/i.test(contact))
    throw refusal(
      'unsupportedContact',
      `${quoted(contact)} is no e-mail address: contacts are URLs such as mailto:admin@example.com`,
    );
  const address = contact.slice('mailto:'.length);
  // "Servers MUST reject mailto URLs with hfields or with more than one addr-spec." RFC 8555 §7.3
  if (/[?,]/.test(address))
    throw refusal('invalidContact', `${quoted(contact)} has more in it than one address`);
  const [, domain = ''] = /^[\w.!#$%&'*+/=^`{|}~-]{1,64}@([^@]+)$/.exec(address) ?? [];
  if (contact.length > 260 || !isDomainName(domain.toLowerCase()))
    throw refusal('invalidContact', `${quoted(contact)} is no e-mail address`);
}
