import { createHash } from 'node:crypto';
import type {
  CertificateSpec,
  Declaration,
  DeclareOptions,
  Provisioner,
} from '@acmex/orchestrator';
import { records, type Storage } from '@acmex/storage';

/** A CA as a certificate's record names it: all that a renewal must know of it, without a credential. */
export interface IssuerRecord {
  readonly directory: string;
  readonly title: string;
  /** Of an account beside the one that is kept for the directory. */
  readonly own?: string | undefined;
  /** PEM: root certificate of the CA's own https. */
  readonly caCertificate?: string | undefined;
}

const issuers = records<IssuerRecord>({ kind: 'issuer', version: 1, under: 'issuer' });

/** A CA that a certificate is to come from, by the name that certificates give it: without one by that of `issuerName`. */
export interface DeclaredIssuer extends IssuerRecord {
  readonly name?: string | undefined;
}

/** Stores what is known of a CA, so that a renewal finds it without the configuration. @returns its name */
export async function keepIssuer(storage: Storage, issuer: DeclaredIssuer): Promise<string> {
  const name = issuerName(issuer);
  const { directory, title, own, caCertificate } = issuer;
  const record: IssuerRecord = { directory, title, own, caCertificate };
  const stored = await issuers.read(storage, name);
  if (JSON.stringify(stored?.record) !== JSON.stringify(record))
    await storage.write([issuers.put(name, record)]);
  return name;
}

/** Returns the name that certificates give a CA: its own, or its host with a digest of the whole URL. */
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

/** A certificate that is wanted, with the CA that it is to come from. */
export interface WantedCertificate extends Omit<CertificateSpec, 'issuer'> {
  readonly issuer: DeclaredIssuer;
}

/** Declares a certificate, as `Provisioner.declare`, and stores what a renewal must know of its CA. */
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

export async function findIssuer(
  storage: Storage,
  name: string,
): Promise<IssuerRecord | undefined> {
  return (await issuers.read(storage, name))?.record;
}
