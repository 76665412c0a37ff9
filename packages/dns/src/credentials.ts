import { unreadableText } from '@acmex/errors';
import { DnsError } from './errors.ts';

/**
 * A credential: itself, or how to get it, asked again for every request, so that it can come from a
 * vault and change there.
 */
export type Secret = string | (() => Promise<string>);

/**
 * A credential in clear, without spaces and line breaks around it.
 * @param what in words, as `the token`
 * @throws DnsError `ERR_DNS_CREDENTIALS` where there is none, or none that a header can hold; it
 * never has the credential in its message
 */
export async function reveal(
  secret: Secret,
  { provider, what }: { readonly provider: string; readonly what: string },
): Promise<string> {
  const text =
    typeof secret === 'string'
      ? secret
      : await secret().catch((cause: unknown) => {
          throw new DnsError(
            'ERR_DNS_CREDENTIALS',
            `${provider}: ${what} cannot be read (${unreadableText(cause)}): check where it is stored, and who may read it`,
            { cause },
          );
        });
  const revealed = typeof text === 'string' ? text.trim() : '';
  if (revealed === '')
    throw new DnsError('ERR_DNS_CREDENTIALS', `${provider}: ${what} is missing or empty: give it`);
  // fetch itself would put the whole value into its complaint.
  if (!/^[\t\x20-\x7e]+$/.test(revealed))
    throw new DnsError(
      'ERR_DNS_CREDENTIALS',
      `${provider}: ${what} has a line break, or a character that is not ASCII: give it as the host shows it`,
    );
  return revealed;
}

/** The value of an `Authorization` header: `Bearer TOKEN`. RFC 6750 §2.1. */
export function bearer(token: Secret): Secret {
  return typeof token === 'string'
    ? whole('Bearer', token)
    : async () => whole('Bearer', await token());
}

/** The value of an `Authorization` header: `Basic …`. RFC 7617. */
export function basic(user: string, password: Secret): Secret {
  return async () =>
    whole(
      'Basic',
      Buffer.from(`${user}:${typeof password === 'string' ? password : await password()}`).toString(
        'base64',
      ),
    );
}

/**
 * A text of someone else, with no credential in it: no header's value, nor what is in it behind a
 * scheme as `Bearer` and `Basic`.
 */
export function concealed(text: string, secrets: readonly string[]): string {
  const fragments = secrets.flatMap((secret) => {
    const [, scheme, credential = ''] = /^([\w-]+) (.+)$/.exec(secret) ?? [];
    const pair = scheme === 'Basic' ? Buffer.from(credential, 'base64').toString() : credential;
    return [secret, credential, pair.slice(pair.indexOf(':') + 1)];
  });
  // What is shorter is not a secret, and would tear words of others apart.
  return fragments
    .filter(({ length }) => length > 3)
    .sort((a, b) => b.length - a.length)
    .reduce((clean, part) => clean.replaceAll(part, '…'), text);
}

/** No scheme alone: an empty token stays empty, and is reported. */
function whole(scheme: string, credential: string): string {
  return credential.trim() === '' ? '' : `${scheme} ${credential.trim()}`;
}
