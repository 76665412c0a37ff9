import { homedir } from 'node:os';
import { join } from 'node:path';
import type { KeyType } from '@acmex/certificate';
import type { Clock } from '@acmex/clock';
import type { DnsProvider } from '@acmex/dns';
import { identifier } from '@acmex/identifier';
import type { LocalCaOptions } from '@acmex/local-ca';
import type { IssuerSettings } from '@acmex/manager';
import { assertKeyPair } from '@acmex/orchestrator';
import type { HttpsWatch } from '@acmex/observability';
import type { ExternalAccount, Fetch } from '@acmex/protocol';
import type { Storage } from '@acmex/storage';
import { fileStorage } from '@acmex/storage-file';
import { HttpsError } from './errors.ts';
import type { AllowRequest, OnDemandLimits } from './on-demand.ts';

/** https://letsencrypt.org/docs/acme-protocol-updates */
const letsEncrypt = 'https://acme-v02.api.letsencrypt.org/directory';

/** A CA, and the account there. */
export interface AuthorityOptions {
  /** Where the CA can reach you; none by default. */
  readonly email?: string | undefined;
  /**
   * What the CA has given you to bind the account to one that you have there, which some CAs require.
   * RFC 8555 §7.3.4
   */
  readonly externalAccount?: ExternalAccount | undefined;
  /**
   * The profile of new certificates, such as `shortlived`; that of the CA by default.
   * draft-ietf-acme-profiles
   */
  readonly profile?: string | undefined;
  /** URL of the CA's ACME directory; that of Let's Encrypt by default. */
  readonly directory?: string | undefined;
  /** Root certificate of the CA's own HTTPS, and of what it issues, PEM, for a private CA. */
  readonly caCertificate?: string | undefined;
}

export interface AutocertOptions extends AuthorityOptions {
  /**
   * The names of one certificate: domain names, IP addresses, and with `dnsProvider` wildcards. A
   * list of lists has one certificate for each list.
   */
  readonly names?: readonly string[] | readonly (readonly string[])[] | undefined;
  /**
   * Decides whether a certificate may be obtained for a name that a client asks for and that is not
   * in `names`. Its answers are remembered. It is not called for a name with a valid certificate.
   */
  readonly allow?: ((request: AllowRequest) => boolean | Promise<boolean>) | undefined;
  /** How many names may be obtained because clients ask for them. */
  readonly onDemandLimits?: Partial<OnDemandLimits> | undefined;
  /**
   * True where a person has read the CA's terms of service and agrees to them, which a CA requires.
   */
  readonly acceptTerms?: boolean | undefined;
  /**
   * Whether localhost and the addresses of the machine are served with certificates of the local CA
   * of the user, which clients trust after `acmex trust`. No CA is asked then, and `names`, `allow`
   * and `storage` are not used. By default, whether the variable `NODE_ENV` is not `production`.
   */
  readonly development?: boolean | undefined;
  /** The local CA; that of the user by default. */
  readonly localCa?: LocalCaOptions | undefined;
  /** Further CAs, used in this order where the one before is away, or refuses a certificate. */
  readonly fallbacks?: readonly (AuthorityOptions & { readonly directory: string })[] | undefined;
  /**
   * Where accounts, keys and certificates are stored: a folder, or a storage that several machines
   * share. `.local/state/acmex-https` in the home folder by default.
   */
  readonly storage?: string | Storage | undefined;
  /**
   * Where the program listens, and where the CA asks; 443 and 80 by default. In development, and
   * where those cannot be listened on, by default a port from 8443 on, and one from 8080 on.
   */
  readonly ports?: { readonly https?: number; readonly http?: number } | undefined;
  /** The address that the program listens on; all of IPv6 and IPv4 by default. */
  readonly host?: string | undefined;
  /** Validates by DNS records, as wildcards need it. */
  readonly dnsProvider?: DnsProvider | undefined;
  /**
   * The type of the key, or two: an EC type, and an RSA type for old clients. `ec-p256` alone by
   * default.
   */
  readonly keyTypes?: readonly [KeyType] | readonly [KeyType, KeyType] | undefined;
  /** Requests to the CA; with the certificates of Node.js by default. */
  readonly fetch?: Fetch | undefined;
  /**
   * Special address ranges that the OCSP responders of certificates may have, such as `10.0.0.0/8`,
   * for a private CA; public addresses alone by default.
   */
  readonly allowResponders?: readonly string[] | undefined;
  /** Records metrics: `httpsMetrics(metrics)` of `@acmex/observability`. */
  readonly watch?: HttpsWatch | undefined;
  readonly clock?: Clock | undefined;
}

/** Where the program listens. */
export interface Place {
  readonly https: number;
  readonly http: number;
  readonly host: string | undefined;
  /** From which port on a free one is used where a port above cannot be listened on. */
  readonly alternatives?: { readonly https?: number; readonly http?: number };
}

export function placeOf(
  { ports = {}, host }: AutocertOptions,
  mode: { readonly isDevelopment: boolean },
): Place {
  const { https, http } = ports;
  const alternatives = {
    ...(https === undefined ? { https: 8443 } : {}),
    ...(http === undefined ? { http: 8080 } : {}),
  };
  return {
    ...{ https: https ?? 443, http: http ?? 80, host },
    ...(mode.isDevelopment ? { alternatives } : {}),
  };
}

/** Returns the names of each certificate, as ACME has them. @throws HttpsError `ERR_HTTPS_OPTION` */
export function wantedNames({
  names = [],
  allow,
  acceptTerms,
  dnsProvider,
  keyTypes,
}: AutocertOptions): readonly (readonly string[])[] {
  if (!acceptTerms)
    throw new HttpsError(
      'ERR_HTTPS_OPTION',
      'the CA requires agreement to its terms of service: read them, then set acceptTerms: true',
    );
  if (names.length === 0 && !allow)
    throw new HttpsError(
      'ERR_HTTPS_OPTION',
      'there is no name: set names, or allow, which decides for which names of clients certificates are obtained',
    );
  const [keyType, secondKeyType] = keyTypes ?? ['ec-p256'];
  asOption('keyTypes', () => assertKeyPair({ keyType, secondKeyType }));
  const lists = names.some((entry) => typeof entry === 'string')
    ? [names as readonly string[]]
    : (names as readonly (readonly string[])[]);
  return lists.map((list) => list.map((name) => checkedName(name, dnsProvider)));
}

function checkedName(name: string, dnsProvider: DnsProvider | undefined): string {
  const { value } = asOption('names', () => identifier(name));
  if (!value.startsWith('*.') || dnsProvider) return value;
  throw new HttpsError(
    'ERR_HTTPS_OPTION',
    `names: the wildcard ${name} can only be validated by DNS records: set dnsProvider`,
  );
}

/** @throws HttpsError `ERR_HTTPS_OPTION` in place of what the check of an option throws */
function asOption<T>(option: string, check: () => T): T {
  try {
    return check();
  } catch (cause) {
    throw new HttpsError('ERR_HTTPS_OPTION', `${option}: ${(cause as Error).message}`, { cause });
  }
}

/** The storage, and whether it is closed with the program's part that uses it. */
export function storageFor({ storage, clock }: AutocertOptions): {
  readonly storage: Storage;
  readonly isOwned: boolean;
} {
  if (typeof storage === 'object') return { storage, isOwned: false };
  const path = storage ?? join(homedir(), '.local', 'state', 'acmex-https');
  return { storage: fileStorage({ path, clock }), isOwned: true };
}

/** As certificates name the first CA. */
const authorityName = 'autocert';

/**
 * Returns the CAs as the manager's settings have them, the first one first.
 * @param nameOf returns the name of a further CA in certificates
 */
export function authorities(
  { fallbacks = [], ...first }: AutocertOptions,
  nameOf: (authority: { readonly directory: string }) => string,
): readonly [IssuerSettings, ...IssuerSettings[]] {
  return [
    authority(authorityName, first),
    ...fallbacks.map((fallback) => authority(nameOf(fallback), fallback)),
  ];
}

function authority(
  name: string,
  { directory = letsEncrypt, email, externalAccount, profile, caCertificate }: AuthorityOptions,
): IssuerSettings {
  return {
    ...{ name, title: hostOf(directory), directory, profile, agreed: true },
    ...(externalAccount ? { externalAccount: async () => externalAccount } : {}),
    contact: email === undefined ? [] : [`mailto:${email}`],
    ...(caCertificate === undefined ? {} : { caCertificate: async () => caCertificate }),
  };
}

/** @throws HttpsError `ERR_HTTPS_OPTION` for a directory that is not a URL */
export function assertAuthorities({ fallbacks = [], ...first }: AutocertOptions): void {
  for (const { directory = letsEncrypt } of [first, ...fallbacks]) hostOf(directory);
}

function hostOf(directory: string): string {
  if (URL.canParse(directory)) return new URL(directory).host;
  throw new HttpsError(
    'ERR_HTTPS_OPTION',
    `directory: ${JSON.stringify(directory)} is not a URL: use that of the ACME directory of a CA`,
  );
}
