import {
  findPersistentRecord,
  type PersistentRecord,
  type WantedRecord,
} from '@acmex/challenge/dns-persist-01';
import { systemClock } from '@acmex/clock';
import { keepIssuer, keepSeenRecord, serverAddress } from '@acmex/manager';
import { lookUp, quoted } from '@acmex/dns';
import { printable } from '@acmex/errors';
import { identifier, withoutWildcard } from '@acmex/identifier';
import { type AcmeSession, getAccount, thumbprint } from '@acmex/protocol';
import {
  accountUris,
  type DnsPersistDraft,
  dnsPersistDrafts,
  earlyPersistOffer,
  isIssuerName,
  type PersistOffer,
  persistentRecordName,
  persistentRecordValue,
} from '@acmex/protocol/drafts';
import { Temporal } from 'temporal-polyfill';
import { withAuthority } from '../account/account.ts';
import type { AuthorityOptions } from '../certificate-authority.ts';
import { CliError } from '../errors.ts';
import type { ConfiguredOutputOptions, Result } from '../output.ts';
import { openAccount } from '../account/open-account.ts';
import type { Terminal } from '../terminal.ts';

export interface PersistOptions extends ConfiguredOutputOptions, AuthorityOptions {
  readonly check?: boolean;
  readonly challengeDraft?: string;
  readonly wildcard?: boolean;
  /** RFC 3339 */
  readonly persistUntil?: string;
  readonly issuerDomain?: string;
  readonly dnsResolver?: readonly string[];
}

/** `acmex dns persist`: shows the permanent record of a name, or checks it. */
export async function dnsPersist(
  name: string,
  options: PersistOptions,
  terminal: Terminal,
): Promise<void> {
  const { signal } = terminal;
  const draft = draftOf(options);
  const domain = domainOf(name);
  const wildcard = options.wildcard ?? name.startsWith('*.');
  await withAuthority(options, terminal, async (authority, context) => {
    const wanted = await wantedRecord(await openAccount(authority, context), {
      draft,
      domain,
      wildcard,
      options,
      signal,
    });
    if (!options.check) {
      context.report.warn(
        'dns-persist-01 is a draft, and the form of its record is expected to change: set the record again when the CA changes, and see acmex dns persist --check',
      );
      return toSet(wanted, options);
    }
    const servers =
      options.dnsResolver && (await Promise.all(options.dnsResolver.map(serverAddress)));
    const existing = await findPersistentRecord(wanted, {
      servers,
      signal,
      ...(servers ? { lookUp: lookUp({ clock: systemClock, servers }) } : {}),
    });
    await keepSeenRecord(context.storage, await keepIssuer(context.storage, authority), existing);
    if (!existing.current)
      context.report.warn(
        `${existing.name} does not name the account by its current key: set it to ${quoted(valueOf(wanted, options))}`,
      );
    return recordResult(existing);
  });
}

function draftOf({ challengeDraft, configuration: { values } }: PersistOptions): DnsPersistDraft {
  const named = challengeDraft ?? values.challenge.challenge_draft;
  const known = dnsPersistDrafts.find((draft) => draft === named);
  if (known) return known;
  throw new CliError(
    'ERR_CLI_USAGE',
    `dns-persist-01 is not an RFC yet: use --challenge-draft with the draft that the CA follows, ${dnsPersistDrafts.join(' or ')}`,
  );
}

function domainOf(name: string): string {
  const { type, value } = identifier(name);
  if (type !== 'dns')
    throw new CliError(
      'ERR_CLI_USAGE',
      `${value} is an IP address: dns-persist-01 is for domain names only`,
    );
  return withoutWildcard(value);
}

/**
 * Returns the record that the CA's directory and the account require.
 * @throws CliError `ERR_CLI_USAGE` for an account that is not valid, so that no record is written
 * for it
 */
async function wantedRecord(
  session: AcmeSession,
  {
    draft,
    domain,
    wildcard,
    options,
    signal,
  }: {
    readonly draft: DnsPersistDraft;
    readonly domain: string;
    readonly wildcard: boolean;
    readonly options: PersistOptions;
    readonly signal: AbortSignal;
  },
): Promise<WantedRecord & { readonly name: string }> {
  const { url, status } = await getAccount(session, { signal });
  if (status !== 'valid')
    throw new CliError(
      'ERR_CLI_USAGE',
      `the account ${printable(url, 300)} is ${status}: register another`,
    );
  const { meta } = await session.directory({ signal });
  const { issuers, accountHashPrefix } = offerOf(
    earlyPersistOffer(draft, meta.members),
    draft,
    options,
  );
  const uris = await accountUris(draft, {
    url,
    thumbprints: [await thumbprint(session.key)],
    domain,
    accountHashPrefix,
  });
  return {
    name: persistentRecordName(domain),
    domain,
    issuers,
    accountUris: uris,
    accountHashPrefix,
    wildcard,
  };
}

function offerOf(
  offer: PersistOffer | undefined,
  draft: DnsPersistDraft,
  { issuerDomain }: PersistOptions,
): PersistOffer {
  if (issuerDomain !== undefined && !isIssuerName(issuerDomain))
    throw new CliError(
      'ERR_CLI_USAGE',
      `--issuer-domain "${printable(issuerDomain, 255)}" is not a domain name in lower case`,
    );
  if (draft === 'draft-ietf-acme-dns-persist-02' && !offer)
    throw new CliError(
      'ERR_CLI_USAGE',
      `the CA's directory has no issuerDomainNames and accountHashPrefix, which ${draft} requires: check which draft the CA follows`,
    );
  if (issuerDomain !== undefined) return { ...offer, issuers: [issuerDomain] };
  if (!offer)
    throw new CliError(
      'ERR_CLI_USAGE',
      "the CA's directory does not contain its domain name for records: use --issuer-domain with the name that the CA has published",
    );
  return offer;
}

function valueOf(
  { issuers: [issuer = ''], accountUris: [accountUri = ''], wildcard }: WantedRecord,
  { persistUntil }: PersistOptions,
): string {
  return persistentRecordValue({
    issuer,
    accountUri,
    wildcard,
    persistUntil: persistUntil === undefined ? undefined : Temporal.Instant.from(persistUntil),
  });
}

function toSet(wanted: WantedRecord & { readonly name: string }, options: PersistOptions): Result {
  const { name, wildcard } = wanted;
  const row = {
    name,
    type: 'TXT',
    value: valueOf(wanted, options),
    wildcard,
    persistUntil: options.persistUntil,
  };
  return { text: `${name}. IN TXT ${quoted(row.value)}`, document: row, rows: [row] };
}

function recordResult({ domain, name, current, persistUntil }: PersistentRecord): Result {
  const row = { domain, name, exists: true, current, persistUntil: persistUntil?.toString() };
  return {
    text: `${name} is at every server, ${persistUntil ? `until ${persistUntil}` : 'without an expiry'}`,
    document: row,
    rows: [row],
  };
}
