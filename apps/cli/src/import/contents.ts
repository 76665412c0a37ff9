import type { ClientAccount, ClientCertificate, ClientDirectory, ClientName } from '@acmex/import';
import type { DeclaredIssuer } from '@acmex/manager';
import type { CertificateSpec } from '@acmex/orchestrator';

/** What accounts and certificates are taken over from. */
export type SourceName = ClientName | 'acmex' | 'deployed files';

/** What is taken over: the directory of a client, or a storage of AcmeX. */
export interface ImportContents extends Omit<
  ClientDirectory,
  'client' | 'accounts' | 'certificates'
> {
  readonly client: SourceName;
  readonly accounts: readonly ImportAccount[];
  readonly certificates: readonly ImportCertificate[];
}

export interface ImportAccount extends ClientAccount {
  /** The issuer under which a storage of AcmeX has it. */
  readonly issuer?: DeclaredIssuer | undefined;
}

export interface ImportCertificate extends ClientCertificate {
  /** What a storage of AcmeX has of it. */
  readonly record?: ImportRecord | undefined;
}

export interface ImportRecord {
  readonly issuer: DeclaredIssuer;
  readonly spec: Omit<CertificateSpec, 'issuer'>;
  readonly paused: boolean;
  /** The stored variables that its challenge needs. */
  readonly credentials: Readonly<Record<string, string>>;
}
