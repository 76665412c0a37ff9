import type { KeyType } from '@acmex/certificate';
import type { ChallengeType } from '@acmex/protocol';
import type { DnsAccountDraft, DnsPersistDraft, DraftChallengeType } from '@acmex/protocol/drafts';
import type { ConfiguredOutputOptions } from '../output.ts';

/** The flags of `acmex obtain`. */
export interface ObtainOptions extends ConfiguredOutputOptions {
  readonly domains?: readonly string[];
  readonly csr?: string;
  readonly email?: string;
  readonly certPath: string;
  readonly keyPath: string;
  /** Two for a certificate with two keys: see `keyTypesOf`. */
  readonly keyType: KeyType | readonly KeyType[];
  /** The reference of a key in a device. */
  readonly key?: string;
  readonly mustStaple?: boolean;
  readonly allowSubsetOfNames?: boolean;
  readonly prod?: boolean;
  readonly ca?: string;
  /** Names of the configuration, in the order in which they are tried. */
  readonly issuer?: readonly string[];
  readonly server?: string;
  readonly caCertificate?: string;
  readonly acceptTos?: boolean;
  readonly accountKey?: string;
  readonly accountKeyPassphraseFile?: string;
  readonly eabKid?: string;
  readonly eabHmacKey?: string;
  readonly challenge: ChallengeType | DraftChallengeType;
  readonly challengeDraft?: DnsAccountDraft | DnsPersistDraft;
  readonly httpPort: number;
  readonly httpAddress?: string;
  readonly webroot?: string;
  readonly tlsPort: number;
  readonly tlsAddress?: string;
  readonly dnsProvider?: string;
  readonly dnsEnv?: readonly string[];
  readonly dnsResolver?: readonly string[];
  /** Seconds, or `skip`. */
  readonly propagationWait?: number | 'skip';
  readonly profile?: string;
  readonly preferredChain?: string;
  readonly notAfter?: string;
  readonly deployDirectory?: string;
  readonly keyMode?: number;
  readonly owner?: string;
  readonly group?: string;
  readonly deployHook?: readonly string[];
  /** Names of tables `[deploy.NAME]`. */
  readonly deployTo?: readonly string[];
  readonly probe?: { readonly host: string; readonly port: number };
  /** False by `--no-manage`. */
  readonly manage: boolean;
  readonly saveCredentials?: boolean;
  readonly force?: boolean;
}

/** Returns the type of the key, and that of the second where there is one. */
export function keyTypesOf({
  keyType,
}: Pick<ObtainOptions, 'keyType'>): readonly [first: KeyType, second?: KeyType] {
  const [first = 'ec-p256', second] = typeof keyType === 'string' ? [keyType] : keyType;
  return second === undefined ? [first] : [first, second];
}
