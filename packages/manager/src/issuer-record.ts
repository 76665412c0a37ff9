import { createHash } from 'node:crypto';
import type {
  CertificateSpec,
  ChangeOptions,
  Declaration,
  DeclareOptions,
  ManagedCertificate,
  Provisioner,
} from '@acmex/orchestrator';
import { records, schemaCheck, type Storage, untilWritten } from '@acmex/storage';
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
  const { directory, title, accountName, caCertificate, trustAnchors } = issuer;
  const record = { directory, title, ['own']: accountName, caCertificate, trustAnchors };
  await untilWritten(async () => {
    const stored = await issuers.read(storage, name);
    if (JSON.stringify(stored?.record) === JSON.stringify(record)) return;
    await storage.write([stored ? issuers.changed(stored, record) : issuers.added(name, record)]);
  });
  return name;
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

/** A certificate to declare, with its CA. */
export interface WantedCertificate extends Omit<CertificateSpec, 'issuer'> {
  readonly issuer: DeclaredIssuer;
}

/**
 * Declares a certificate, as `Provisioner.declare`, and stores what a renewal needs to know of its
 * CA.
 */
export async function declareCertificate(
  { storage, provisioner }: { readonly storage: Storage; readonly provisioner: Provisioner },
  { issuer, ...wanted }: WantedCertificate,
  options: DeclareOptions = {},
): Promise<Declaration> {
  return await provisioner.declare(
    { ...wanted, issuer: await keepIssuer(storage, issuer) },
    options,
  );
}

/** What to change of a certificate. */
export interface CertificateChanges extends ChangeOptions {
  /** The CA to change to; by default it stays. */
  readonly issuer?: DeclaredIssuer | undefined;
  /** Returns the values to change, as `Provisioner.change` takes them. */
  readonly changesOf: (certificate: ManagedCertificate) => Partial<Omit<CertificateSpec, 'issuer'>>;
}

/**
 * Changes a certificate, as `Provisioner.change`, and stores what a renewal needs to know of its
 * CA.
 */
export async function changeCertificate(
  { storage, provisioner }: { readonly storage: Storage; readonly provisioner: Provisioner },
  id: string,
  { issuer, changesOf, ...options }: CertificateChanges,
): Promise<Declaration> {
  const changedIssuer = issuer ? { issuer: await keepIssuer(storage, issuer) } : {};
  return await provisioner.change(
    id,
    (certificate) => ({ ...changesOf(certificate), ...changedIssuer }),
    options,
  );
}

/** Returns the issuer that `keepIssuer` stored under this name. */
export async function findIssuer(
  storage: Storage,
  name: string,
): Promise<IssuerRecord | undefined> {
  const { record } = (await issuers.read(storage, name)) ?? {};
  if (!record) return undefined;
  const { own: accountName, ...issuer } = record;
  return { ...issuer, accountName };
}
