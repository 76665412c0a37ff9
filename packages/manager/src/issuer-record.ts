import { createHash } from 'node:crypto';
import type {
  CertificateSpec,
  ChangeOptions,
  Declaration,
  DeclareOptions,
  ManagedCertificate,
  Provisioner,
} from '@acmex/orchestrator';
import { type Change, records, schemaCheck, type Storage, untilWritten } from '@acmex/storage';
import * as z from 'zod';

/**
 * A CA as a certificate's record names it: everything that a renewal needs, without a credential.
 */
export interface IssuerRecord {
  readonly directory: string;
  readonly title: string;
  /** The name of an account beside the default account of the directory. */
  readonly accountName?: string | undefined;
  /** PEM: root certificate of the CA's own https. */
  readonly caCertificate?: string | undefined;
  /** PEM: trusted certificates for what the CA issues, beside `caCertificate`. */
  readonly trustAnchors?: string | undefined;
}

/** What the storage holds; the field `own` is the account's name. */
type StoredIssuer = Omit<IssuerRecord, 'accountName'> &
  Readonly<Partial<Record<'own', string | undefined>>>;

const issuers = records<StoredIssuer>({
  kind: 'issuer',
  version: 1,
  check: schemaCheck(
    z.looseObject({
      directory: z.string(),
      title: z.string(),
      ['own']: z.string().optional(),
      caCertificate: z.string().optional(),
      trustAnchors: z.string().optional(),
    }),
  ),
  under: 'issuer',
});

/**
 * The CA of a certificate, with the name under which certificates refer to it; `issuerName` makes
 * one by default.
 */
export interface DeclaredIssuer extends IssuerRecord {
  readonly name?: string | undefined;
}

/**
 * Stores what a renewal needs to know of a CA, so that it works without the configuration.
 * @returns the issuer's name
 */
export async function keepIssuer(storage: Storage, issuer: DeclaredIssuer): Promise<string> {
  const name = issuerName(issuer);
  const record = recordOf(issuer);
  const text = JSON.stringify(record);
  const version = await untilWritten(async () => {
    const stored = await issuers.read(storage, name);
    if (stored && JSON.stringify(stored.record) === text) return stored.version;
    const change = stored ? issuers.changed(stored, record) : issuers.added(name, record);
    return (await storage.write([change]))[0];
  });
  if (version !== undefined) remember(storage, name, { text, version });
  return name;
}

/** The issuers of a storage as this process last saw them there, by name. */
const lastSeen = new WeakMap<Storage, Map<string, SeenIssuer>>();
const remembered = 100;

interface SeenIssuer {
  /** JSON. */
  readonly text: string;
  readonly version: string;
}

function remember(storage: Storage, name: string, seen: SeenIssuer): void {
  const known = lastSeen.get(storage) ?? new Map<string, SeenIssuer>();
  lastSeen.set(storage, known);
  known.delete(name);
  known.set(name, seen);
  const [oldest] = known.keys();
  if (known.size > remembered && oldest !== undefined) known.delete(oldest);
}

/**
 * Returns a change that fails unless the storage has the issuer as this process last saw it;
 * undefined where it saw none, or another one.
 */
function unchangedIssuer(storage: Storage, issuer: DeclaredIssuer): Change | undefined {
  const name = issuerName(issuer);
  const seen = lastSeen.get(storage)?.get(name);
  if (seen?.text !== JSON.stringify(recordOf(issuer))) return undefined;
  return { check: issuers.key(name), ifVersion: seen.version };
}

function recordOf({
  directory,
  title,
  accountName,
  caCertificate,
  trustAnchors,
}: DeclaredIssuer): StoredIssuer {
  return { directory, title, ['own']: accountName, caCertificate, trustAnchors };
}

/**
 * Returns the name under which certificates refer to a CA: its `name`, or its host with a digest of
 * the whole URL.
 */
export function issuerName({
  name,
  directory,
}: Pick<DeclaredIssuer, 'name' | 'directory'>): string {
  if (name !== undefined) return name;
  const host = new URL(directory).hostname
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
    .slice(0, 27);
  return `${host}-${createHash('sha256').update(directory).digest('hex').slice(0, 12)}`;
}

/** A certificate to declare, with its CAs. */
export interface WantedCertificate extends Omit<CertificateSpec, 'issuer' | 'fallbackIssuers'> {
  readonly issuer: DeclaredIssuer;
  /** The CAs to use where `issuer` cannot issue, the best first; none by default. */
  readonly fallbackIssuers?: readonly DeclaredIssuer[] | undefined;
}

/**
 * Declares a certificate, as `Provisioner.declare`, and stores what a renewal needs to know of its
 * CA.
 */
export async function declareCertificate(
  { storage, provisioner }: { readonly storage: Storage; readonly provisioner: Provisioner },
  { issuer, fallbackIssuers = [], ...wanted }: WantedCertificate,
  options: DeclareOptions = {},
): Promise<Declaration> {
  const unchanged = unchangedIssuer(storage, issuer);
  if (!unchanged) await keepIssuer(storage, issuer);
  const fallbacks = await keptIssuers(storage, fallbackIssuers);
  let isFirst = true;
  return await provisioner.declare(
    { ...wanted, issuer: issuerName(issuer), fallbackIssuers: fallbacks },
    {
      ...options,
      alsoWritten: async () => {
        // What was written by others in between may be the issuer.
        if (!isFirst) await keepIssuer(storage, issuer);
        const changes = isFirst && unchanged ? [unchanged] : [];
        isFirst = false;
        return changes;
      },
    },
  );
}

/** Stores what renewals need to know of CAs. @returns their names */
async function keptIssuers(
  storage: Storage,
  declared: readonly DeclaredIssuer[],
): Promise<readonly string[]> {
  const names = [];
  for (const issuer of declared) names.push(await keepIssuer(storage, issuer));
  return names;
}

/** What to change of a certificate. */
export interface CertificateChanges extends ChangeOptions {
  /** The CA to change to; by default it stays. */
  readonly issuer?: DeclaredIssuer | undefined;
  /** With `issuer`: the CAs to use where it cannot issue; none by default. */
  readonly fallbackIssuers?: readonly DeclaredIssuer[] | undefined;
  /** Returns the values to change, as `Provisioner.change` takes them. */
  readonly changesOf: (
    certificate: ManagedCertificate,
  ) => Partial<Omit<CertificateSpec, 'issuer' | 'fallbackIssuers'>>;
}

/**
 * Changes a certificate, as `Provisioner.change`, and stores what a renewal needs to know of its
 * CA.
 */
export async function changeCertificate(
  { storage, provisioner }: { readonly storage: Storage; readonly provisioner: Provisioner },
  id: string,
  { issuer, fallbackIssuers = [], changesOf, ...options }: CertificateChanges,
): Promise<Declaration> {
  const changedIssuer = issuer
    ? {
        issuer: await keepIssuer(storage, issuer),
        fallbackIssuers: await keptIssuers(storage, fallbackIssuers),
      }
    : {};
  return await provisioner.change(
    id,
    (certificate) => ({ ...changesOf(certificate), ...changedIssuer }),
    options,
  );
}

/** Lists the issuers that `keepIssuer` stored. */
export async function* storedIssuers(
  storage: Storage,
): AsyncGenerator<IssuerRecord & { readonly name: string }> {
  for await (const { key, record } of issuers.list(storage))
    yield { ...issuerOf(record), name: key.slice(key.lastIndexOf('/') + 1) };
}

/** Returns the issuer that `keepIssuer` stored under this name. */
export async function findIssuer(
  storage: Storage,
  name: string,
): Promise<IssuerRecord | undefined> {
  const { record } = (await issuers.read(storage, name)) ?? {};
  return record && issuerOf(record);
}

function issuerOf({ own: accountName, ...issuer }: StoredIssuer): IssuerRecord {
  return { ...issuer, accountName };
}
