import { printable } from '@acmex/errors';
import { AcmeError } from './errors.ts';
import type { AcmeResponse } from './http.ts';
import { isObject, isWebUrl, type JsonObject, Members, parseJson } from './members.ts';

/** Where a CA does what. RFC 8555 §7.1.1; `renewalInfo`: RFC 9773. */
export interface Directory {
  readonly newNonce: string;
  readonly newAccount: string;
  readonly newOrder: string;
  readonly newAuthz?: string;
  readonly revokeCert?: string;
  readonly keyChange?: string;
  readonly renewalInfo?: string;
  readonly meta: DirectoryMeta;
}

/** What a CA says of itself. */
export interface DirectoryMeta {
  readonly termsOfService?: string;
  readonly website?: string;
  readonly caaIdentities: readonly string[];
  readonly externalAccountRequired: boolean;
  /** Whether an authorization can serve for the names below it. RFC 9444 §4.4 */
  readonly subdomainAuthAllowed: boolean;
  /** Names of certificate profiles with their descriptions. */
  readonly profiles: Readonly<Record<string, string>>;
  /** All of it as the CA sent it, unchecked: for extensions that are not known here. */
  readonly members: JsonObject;
}

/**
 * @throws AcmeError `ERR_ACME_NOT_ACME` when the response is not a directory; the message says what
 * it is
 */
export function readDirectory({ url, status, headers, text }: AcmeResponse): Directory {
  const refuse = (why: string): never => {
    throw new AcmeError(
      'ERR_ACME_NOT_ACME',
      `${url} is not an ACME directory: it ${why}; use the directory's own URL${knownDirectory(url)}`,
      { status },
    );
  };
  if (status >= 300 && status < 400)
    return refuse(`redirects to ${printable(headers.get('location') ?? 'nowhere', 300)}`);
  if (status !== 200) return refuse(`answers ${status}`);
  const json = parseJson(text);
  if (!isObject(json))
    return refuse(
      `answers with ${printable(headers.get('content-type') ?? 'no content type', 100)} that is not a JSON object`,
    );
  for (const name of ['newNonce', 'newAccount', 'newOrder'] as const) {
    if (typeof json[name] !== 'string' || !isWebUrl(json[name]))
      return refuse(`has no URL for ${name}`);
  }
  const members = new Members(`the directory ${url}`, json);
  return {
    newNonce: members.url('newNonce'),
    newAccount: members.url('newAccount'),
    newOrder: members.url('newOrder'),
    newAuthz: members.optionalUrl('newAuthz'),
    revokeCert: members.optionalUrl('revokeCert'),
    keyChange: members.optionalUrl('keyChange'),
    renewalInfo: members.optionalUrl('renewalInfo'),
    meta: readMeta(`the meta of ${url}`, members.optional('meta') ?? {}),
  };
}

/** Directories by the host of a public CA, for an address that is right up to its host. */
const knownDirectories: readonly string[] = [
  'https://acme-v02.api.letsencrypt.org/directory',
  'https://acme-staging-v02.api.letsencrypt.org/directory',
  'https://dv.acme-v02.api.pki.goog/directory',
  'https://dv.acme-v02.test-api.pki.goog/directory',
  'https://acme.zerossl.com/v2/DV90',
];

function knownDirectory(url: string): string {
  const known = knownDirectories.find(
    (candidate) => new URL(candidate).hostname === new URL(url).hostname && candidate !== url,
  );
  return known === undefined ? '' : `, ${known}`;
}

/** Whether a CA's refusal means that there is nothing at this URL, and not that it has a fault. */
export function isNothingThere({ status }: Pick<AcmeResponse, 'status'>): boolean {
  return [400, 404, 405, 410].includes(status);
}

function readMeta(what: string, json: unknown): DirectoryMeta {
  const members = new Members(what, json);
  const profiles = members.optional('profiles');
  const identities = members.optional('caaIdentities');
  return {
    termsOfService: members.optionalString('termsOfService'),
    website: members.optionalString('website'),
    caaIdentities: Array.isArray(identities)
      ? identities.filter((identity) => typeof identity === 'string')
      : [],
    externalAccountRequired: members.optional('externalAccountRequired') === true,
    subdomainAuthAllowed: members.optional('subdomainAuthAllowed') === true,
    profiles: isObject(profiles)
      ? Object.fromEntries(
          Object.entries(profiles).map(([name, text]) => [name, String(text ?? '')]),
        )
      : {},
    members: isObject(json) ? json : {},
  };
}
