import type { KeyType } from '@acmex/certificate';
import type { ImportError } from './errors.ts';

/** The ACME clients whose directories can be read. */
export const clientNames = ['certbot', 'lego', 'acme.sh', 'dehydrated', 'caddy'] as const;
export type ClientName = (typeof clientNames)[number];

/** What the directory of an ACME client has. Its texts are data of another program. */
export interface ClientDirectory {
  readonly client: ClientName;
  readonly accounts: readonly ClientAccount[];
  readonly certificates: readonly ClientCertificate[];
  /** The accounts and certificates that cannot be used, each with its reason. */
  readonly failures: readonly ClientFailure[];
}

export interface ClientFailure {
  readonly subject: 'account' | 'certificate';
  /** What the client calls it. */
  readonly name: string;
  readonly error: ImportError;
}

/** A CA: the URL of its ACME directory, or its host where the client stores no more than that. */
export type ClientCa = { readonly directory: string } | { readonly host: string };

/** An account at a CA. */
export interface ClientAccount {
  /** What the client calls it; `ClientCertificate.account` refers to it. */
  readonly id: string;
  readonly ca: ClientCa;
  /** The account's URL at the CA, if the client has stored it. */
  readonly url?: string | undefined;
  /** PKCS#8 PEM. */
  readonly key: string;
}

/** A certificate with its key, and how the client renews it. */
export interface ClientCertificate {
  /** What the client calls it. */
  readonly name: string;
  /** The names of the certificate, as they are in it. */
  readonly names: readonly string[];
  /** PEM, the leaf first. */
  readonly chain: string;
  /** PKCS#8 PEM. It is the key of the leaf. */
  readonly privateKey: string;
  readonly keyType: KeyType;
  /** RFC 3339 */
  readonly notBefore: string;
  /** RFC 3339 */
  readonly notAfter: string;
  readonly ca?: ClientCa | undefined;
  /** The id of the account that renews it, if the client says so. */
  readonly account?: string | undefined;
  readonly reuseKey?: boolean | undefined;
  readonly mustStaple?: boolean | undefined;
  readonly preferredChain?: string | undefined;
  readonly renewBeforeDays?: number | undefined;
  /** How its names are validated; absent where the client does not say it, or see `omitted`. */
  readonly challenge?: ClientChallenge | undefined;
  /** Where the client copies it, and what it runs then. */
  readonly deploy: readonly ClientDeployStep[];
  /** The settings of the client that have no counterpart here. */
  readonly omitted: readonly Omission[];
}

/** A setting that is not taken over. */
export interface Omission {
  /** As the client calls it: `pre_hook`. */
  readonly setting: string;
  /** Why, and what to do instead. */
  readonly reason: string;
}

/** How the names of a certificate are validated. */
export type ClientChallenge =
  | {
      readonly type: 'http-01';
      /** The document root of a web server; without it the client listens itself. */
      readonly webroot?: string | undefined;
      readonly port?: number | undefined;
      readonly address?: string | undefined;
    }
  | { readonly type: 'tls-alpn-01'; readonly port?: number | undefined }
  | {
      readonly type: 'dns-01';
      /** As the client calls the DNS host: `dns_cf`, `cloudflare`. */
      readonly provider: string;
      /** The variables with which the client calls the API of the host; they are secret. */
      readonly variables: Readonly<Record<string, string>>;
    };

/** A file or a program that gets a new certificate, in the form of a deploy step. */
export type ClientDeployStep =
  | {
      /** Certificate and chain. */
      readonly certPath?: string | undefined;
      readonly keyPath?: string | undefined;
      readonly chainPath?: string | undefined;
      /** The certificate without its chain. */
      readonly leafPath?: string | undefined;
      /** Key, certificate and chain in one file. */
      readonly combinedPath?: string | undefined;
    }
  /** Runs for each new certificate. */
  | { readonly hook: readonly string[] }
  /** Runs once at the end of a run. */
  | { readonly after: readonly string[] };
