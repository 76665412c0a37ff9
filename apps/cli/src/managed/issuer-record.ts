import { createHash } from 'node:crypto';
import { records, type Storage } from '@acmex/storage';

/** A CA as a certificate's record names it: all that a renewal must know of it, without a credential. */
export interface IssuerRecord {
  readonly directory: string;
  readonly title: string;
  /** PEM: root certificate of the CA's own https. */
  readonly caCertificate?: string | undefined;
}

const issuers = records<IssuerRecord>({ kind: 'issuer', version: 1, under: 'issuer' });

/** Keeps what is known of a CA. @returns the name that certificates give it by: its host, and a digest of the whole URL */
export async function keepIssuer(storage: Storage, record: IssuerRecord): Promise<string> {
  const host = new URL(record.directory).hostname.replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '').slice(0, 27);
  const name = `${host}-${createHash('sha256').update(record.directory).digest('hex').slice(0, 12)}`;
  await storage.write([issuers.put(name, record)]);
  return name;
}

export async function findIssuer(storage: Storage, name: string): Promise<IssuerRecord | undefined> {
  return (await issuers.read(storage, name))?.record;
}
