import { createHash } from 'node:crypto';
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

/**
 * Keeps what is known of a CA, so that a renewal finds it without the configuration.
 * @param name as certificates give it; by default of its host, and a digest of the whole URL
 * @returns the name
 */
export async function keepIssuer(
  storage: Storage,
  record: IssuerRecord,
  name: string = nameOf(record),
): Promise<string> {
  const kept = await issuers.read(storage, name);
  if (JSON.stringify(kept?.record) !== JSON.stringify(record))
    await storage.write([issuers.put(name, record)]);
  return name;
}

function nameOf({ directory }: IssuerRecord): string {
  const host = new URL(directory).hostname
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
    .slice(0, 27);
  return `${host}-${createHash('sha256').update(directory).digest('hex').slice(0, 12)}`;
}

export async function findIssuer(
  storage: Storage,
  name: string,
): Promise<IssuerRecord | undefined> {
  return (await issuers.read(storage, name))?.record;
}
