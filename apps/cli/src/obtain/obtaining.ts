import type { Identifier } from '@acmex/identifier';
import type { ConfiguredManager } from '@acmex/manager/from-config';
import type { JsonObject } from '@acmex/orchestrator';
import type { Storage } from '@acmex/storage';
import type { CertificateAuthority } from '../certificate-authority.ts';
import type { Reporter, Terminal } from '../terminal.ts';
import type { ObtainOptions } from './options.ts';

/** What an order of `acmex obtain` works with. */
export interface Obtaining {
  readonly options: ObtainOptions;
  /** Empty for a request from a file. */
  readonly names: readonly Identifier[];
  readonly authority: CertificateAuthority;
  /** The CAs to use where `authority` cannot issue. */
  readonly fallbacks: readonly CertificateAuthority[];
  /** The name of the authority in the storage. */
  readonly issuer: string;
  readonly challenge: JsonObject;
  readonly storage: Storage;
  readonly manager: ConfiguredManager;
  readonly terminal: Terminal;
  readonly report: Reporter;
}

/** The certificate of an order, which is in its files. */
export interface Obtained {
  /** PEM */
  readonly chain: string;
  /** Absent for a certificate that is not managed. */
  readonly id?: string;
}
