import { type KeyObject, sign } from 'node:crypto';

/** A JWT signed by RS256. RFC 7519, RFC 7518 §3.3. */
export function jwt(
  claims: object,
  { key, keyId }: { readonly key: KeyObject; readonly keyId: string | undefined },
): string {
  const header = { alg: 'RS256', typ: 'JWT', ...(keyId === undefined ? {} : { kid: keyId }) };
  const input = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${input}.${rs256(input, key)}`;
}

export function rs256(input: string, key: KeyObject): string {
  return sign('sha256', Buffer.from(input), key).toString('base64url');
}
