import { isDomainName } from '@acmex/identifier';
import { printable } from '@acmex/errors';
import { AcmeError } from '../errors.ts';
import type { JsonObject } from '../members.ts';
import type { DnsPersistDraft } from './dns-persist.ts';

/** What a CA says of dns-persist-01. */
export interface PersistOffer {
  /** The names by which it goes in records: any of them will do. */
  readonly issuers: readonly string[];
  /** As the CA wants the account to be named; draft 01 alone. */
  readonly accountUri?: string | undefined;
  /** Draft 02. */
  readonly accountHashPrefix?: string | undefined;
}

const issuersMember = {
  'draft-ietf-acme-dns-persist-00': 'issuer-domain-names',
  'draft-ietf-acme-dns-persist-01': 'issuer-domain-names',
  'draft-ietf-acme-dns-persist-02': 'issuerDomainNames',
} as const satisfies Record<DnsPersistDraft, string>;

/** The members that a challenge has for it. */
export function persistOfferMembers(
  draft: DnsPersistDraft,
  { issuers, accountUri }: PersistOffer,
): JsonObject {
  return {
    [issuersMember[draft]]: issuers,
    ...(draft === 'draft-ietf-acme-dns-persist-01' ? { accounturi: accountUri } : {}),
  };
}

/** The members that a directory's `meta` has for it. */
export function persistMetaMembers(
  draft: DnsPersistDraft,
  { issuers, accountHashPrefix }: PersistOffer,
): JsonObject {
  return draft === 'draft-ietf-acme-dns-persist-02'
    ? { issuerDomainNames: issuers, accountHashPrefix }
    : {};
}

/**
 * What a challenge offers.
 * @param members the challenge as the CA sent it
 * @param meta the `meta` of its directory
 * @throws AcmeError `ERR_ACME_ANSWER` for what this version of the draft does not allow
 */
export function readPersistOffer(
  draft: DnsPersistDraft,
  members: JsonObject,
  meta: JsonObject,
): PersistOffer {
  const member = issuersMember[draft];
  const issuers =
    issuerNames(members[member]) ??
    refuse(`its "${member}" is not a list of 1 to 10 domain names in lower case`, draft);
  if (draft === 'draft-ietf-acme-dns-persist-00') return { issuers };
  if (draft === 'draft-ietf-acme-dns-persist-01')
    return isUri(members.accounturi)
      ? { issuers, accountUri: members.accounturi }
      : refuse('its "accounturi" is not a URI', draft);
  const [early, identities] = [
    issuerNames(meta.issuerDomainNames),
    issuerNames(meta.caaIdentities),
  ];
  if (early?.some((issuer) => !issuers.includes(issuer)))
    return refuse('it lacks a name of the directory\'s "issuerDomainNames"', draft);
  if (identities && issuers.some((issuer) => !identities.includes(issuer)))
    return refuse('it has a name that is not among the directory\'s "caaIdentities"', draft);
  return {
    issuers,
    accountHashPrefix:
      hashPrefix(meta) ?? refuse('the directory has no "accountHashPrefix"', draft),
  };
}

/**
 * What a directory says before there is a challenge; `undefined` where that is not enough to write
 * a record. The names of 00 and 01 are those of CAA.
 */
export function earlyPersistOffer(
  draft: DnsPersistDraft,
  meta: JsonObject,
): PersistOffer | undefined {
  if (draft !== 'draft-ietf-acme-dns-persist-02') {
    const issuers = issuerNames(meta.caaIdentities);
    return issuers && { issuers };
  }
  const [issuers, accountHashPrefix] = [issuerNames(meta.issuerDomainNames), hashPrefix(meta)];
  return issuers && accountHashPrefix !== undefined ? { issuers, accountHashPrefix } : undefined;
}

/** Whether a name can identify an issuer: lower case, A-labels, no final dot. */
export function isIssuerName(name: unknown): name is string {
  return typeof name === 'string' && isDomainName(name);
}

function issuerNames(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.length > 0 && value.length <= 10 && value.every(isIssuerName)
    ? value
    : undefined;
}

function hashPrefix({ accountHashPrefix: prefix }: JsonObject): string | undefined {
  return isUri(prefix) ? prefix : undefined;
}

/** One that can be written into a record. */
function isUri(value: unknown): value is string {
  return (
    typeof value === 'string' && URL.canParse(value) && /^[\x21-\x3a\x3c-\x7e]{1,1000}$/.test(value)
  );
}

function refuse(why: string, draft: string): never {
  throw new AcmeError(
    'ERR_ACME_ANSWER',
    `the CA's dns-persist-01 challenge is not as ${draft} wants it: ${printable(why)}; ask the CA which version it follows`,
  );
}
