import { type CertificateInput, certificatesPem } from '@acmex/certificate';
import type { AccountKey } from '@acmex/protocol';
import type { Storage } from '@acmex/storage';
import type { AccountDescription } from './account.ts';
import type { LimitSettings } from './issuer-budget.ts';
import { type DeclaredIssuer, findIssuer } from './issuer-record.ts';

/** An ACME account at a CA, with what belongs to its certificates. */
export interface IssuerSettings extends AccountDescription {
  /** As certificates name it: `[a-z0-9-]`, 1 to 40. */
  readonly name: string;
  /** Returns the root certificate of the CA's own https, PEM. */
  readonly caCertificate?: (() => Promise<string>) | undefined;
  /** Returns trusted certificates for what the CA issues, beside `caCertificate`. */
  readonly trustAnchors?: (() => Promise<readonly CertificateInput[]>) | undefined;
  /** For certificates that have none: see `CertificateSpec`. */
  readonly preferredChain?: string | undefined;
  readonly profile?: string | undefined;
  /** An account key to use instead of the stored account. */
  readonly accountKey?: AccountKey | undefined;
  /** The limits of the CA, where they are not known or different ones apply. */
  readonly limits?: LimitSettings | undefined;
}

/**
 * Returns the settings of an issuer: one of these, or one that `keepIssuer` wrote to the storage.
 */
export async function findIssuerSettings(
  name: string,
  { issuers, storage }: { readonly issuers: readonly IssuerSettings[]; readonly storage: Storage },
): Promise<IssuerSettings | undefined> {
  const configured = issuers.find((issuer) => issuer.name === name);
  if (configured) return configured;
  const record = await findIssuer(storage, name);
  if (!record) return undefined;
  const { caCertificate, trustAnchors, ...account } = record;
  return {
    name,
    ...account,
    ...(caCertificate === undefined ? {} : { caCertificate: async () => caCertificate }),
    ...(trustAnchors === undefined ? {} : { trustAnchors: async () => [trustAnchors] }),
  };
}

/**
 * Returns what is stored of a CA with its certificates: the certificates that its settings name are
 * read.
 * @throws ManagerError `ERR_MANAGER_ISSUER` for a file that cannot be read
 */
export async function declaredIssuer({
  caCertificate,
  trustAnchors,
  ...issuer
}: IssuerSettings): Promise<DeclaredIssuer> {
  const anchors = (await trustAnchors?.()) ?? [];
  const { name, directory, title, accountName } = issuer;
  return {
    ...{ name, directory, title, accountName },
    caCertificate: await caCertificate?.(),
    trustAnchors: anchors.length > 0 ? anchors.map(pemOf).join('') : undefined,
  };
}

function pemOf(certificates: CertificateInput): string {
  return typeof certificates === 'string' ? certificates : certificatesPem(certificates);
}
