import type { KeyType } from '@acmex/certificate';
import type { DnsAccountDraft, DnsPersistDraft } from '@acmex/protocol/drafts';
import type { Configured } from '../configuration.ts';
import type { LogLevel } from '../terminal.ts';

export const challengeTypes = [
  'http-01',
  'dns-01',
  'tls-alpn-01',
  'dns-account-01',
  'dns-persist-01',
] as const;

/** The flags of `acmex obtain`. */
export interface ObtainOptions extends Configured {
  readonly domains?: readonly string[];
  readonly csr?: string;
  readonly email?: string;
  readonly certPath: string;
  readonly keyPath: string;
  readonly keyType: KeyType;
  readonly mustStaple?: boolean;
  readonly prod?: boolean;
  readonly ca?: string;
  readonly server?: string;
  readonly caCertificate?: string;
  readonly acceptTos?: boolean;
  readonly accountKey?: string;
  readonly eabKid?: string;
  readonly eabHmacKey?: string;
  readonly challenge: (typeof challengeTypes)[number];
  readonly challengeDraft?: DnsAccountDraft | DnsPersistDraft;
  readonly httpPort: number;
  readonly webroot?: string;
  readonly tlsPort: number;
  readonly dnsProvider?: string;
  readonly dnsEnv?: readonly string[];
  readonly dnsResolver?: readonly string[];
  /** Seconds, or `skip`. */
  readonly propagationWait?: number | 'skip';
  readonly profile?: string;
  readonly preferredChain?: string;
  readonly notAfter?: string;
  readonly deployDirectory?: string;
  readonly deployHook?: string;
  readonly probe?: { readonly host: string; readonly port: number };
  /** False by `--no-manage`. */
  readonly manage: boolean;
  readonly saveCredentials?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
  readonly logLevel: LogLevel;
}
