import { randomBytes } from 'node:crypto';
import { type Clock, systemClock } from '@acmex/clock';
import {
  type CryptoBackend,
  encryptedPrivateKeyPem,
  type KeyType,
  parseCertificate,
  type PrivateKey,
  storableKey,
  webcrypto,
} from '@acmex/certificate';
import { id_ce_nameConstraints } from '@peculiar/asn1-x509';
import { Temporal } from 'temporal-polyfill';
import { CaError } from '../errors.ts';
import { checkedConstraints, type Constrained, type Constraints } from './constraints.ts';
import { caExtensions, keyIdentifier } from './extensions.ts';
import { issuerOf } from './issuer.ts';
import { extensionDer, nameOf, signedCertificate } from './signed.ts';
import { x509 } from './x509.ts';

/** The types of keys that a CA can sign with. */
export const authorityKeyTypes = [
  'ec-p256',
  'ec-p384',
  'rsa-2048',
  'rsa-3072',
  'rsa-4096',
] as const satisfies readonly KeyType[];
export type AuthorityKeyType = (typeof authorityKeyTypes)[number];

export type AuthorityRequest = Constrained & {
  /** What the CA is called: `Example Corp Internal`. */
  readonly name: string;
  /** Guards the root's key; 12 characters at least. Not used with `rootKey`. */
  readonly passphrase?: string | undefined;
  /** An existing key for the root, such as one in a device; by default a new key is created. */
  readonly rootKey?: PrivateKey | undefined;
  /** An existing key for the issuing certificate; by default a new key is created. */
  readonly issuingKey?: PrivateKey | undefined;
  /** Of the keys that are created; EC P-384 by default. */
  readonly keyType?: AuthorityKeyType;
  /** 10 years by default. */
  readonly rootDays?: number;
  /** 3 years by default; never beyond the root's end. */
  readonly issuingDays?: number;
  readonly backend?: CryptoBackend;
  readonly clock?: Clock;
};

export interface DevelopmentRequest {
  /** Names that lead nowhere else, and private addresses, by default. */
  readonly constraints?: Constraints;
  readonly backend?: CryptoBackend;
  readonly clock?: Clock;
}

/**
 * A new CA. The caller keeps the root's key away from the machine that issues, and
 * overwrites both keys after use.
 */
export interface NewAuthority {
  readonly kind: 'private' | 'development';
  /** PEM; what clients trust. */
  readonly root: string;
  /**
   * PKCS#8 PEM, encrypted with the passphrase; absent if it must never sign again, or is in a
   * device.
   */
  readonly rootKey?: Uint8Array;
  /** PEM: the issuing certificate, which the root has signed. */
  readonly issuing: string;
  /** PKCS#8 PEM, or the reference of a key that cannot leave its device. */
  readonly issuingKey: Uint8Array;
}

const developmentName = 'AcmeX Development, do not trust';
/**
 * What a development CA can issue for: names that lead nowhere else. RFC 6761, RFC 8375, RFC 1918,
 * RFC 4193
 */
const developmentConstraints: Constraints = {
  domains: ['localhost', 'test', 'example', 'invalid', 'internal', 'local', 'home.arpa'],
  addresses: [
    '127.0.0.0/8',
    '10.0.0.0/8',
    '172.16.0.0/12',
    '192.168.0.0/16',
    '::1/128',
    'fc00::/7',
  ],
};

/**
 * A CA of your own: a root, whose key goes offline, and an issuing certificate below it with path
 * length 0. Both carry the constraints as critical.
 * @throws CaError `ERR_CA_CONSTRAINTS`, `ERR_CA_NAME`, `ERR_CA_PASSPHRASE`, `ERR_CA_KEY`
 */
export async function createAuthority({
  name,
  passphrase = '',
  rootKey,
  issuingKey,
  keyType = 'ec-p384',
  rootDays = 3650,
  issuingDays = 1095,
  backend = webcrypto(),
  clock = systemClock,
  ...constrained
}: AuthorityRequest): Promise<NewAuthority> {
  const constraints = checkedConstraints(constrained);
  assertName(name);
  if (rootKey === undefined) assertPassphrase(passphrase);
  const { rootSigner, ...made } = await twoLevels({
    names: [`${name} Root`, `${name} Issuing`],
    constraints,
    keyType,
    rootKey,
    issuingKey,
    rootDays,
    issuingDays,
    backend,
    clock,
  });
  return {
    kind: 'private',
    ...made,
    ...(rootKey === undefined
      ? { rootKey: await encryptedPrivateKeyPem(rootSigner, passphrase) }
      : {}),
  };
}

/** @throws CaError `ERR_CA_NAME` */
function assertName(name: string): void {
  if (name.trim() === '' || name.length > 48)
    throw new CaError(
      'ERR_CA_NAME',
      `the name of a CA has 1 to 48 characters, and this one has ${name.trim() === '' ? 'none' : name.length}`,
    );
  if (/acmex development|do not trust/i.test(name))
    throw new CaError(
      'ERR_CA_NAME',
      `${JSON.stringify(name)} would be taken for the development CA: choose another name`,
    );
}

/** @throws CaError `ERR_CA_PASSPHRASE` */
function assertPassphrase(passphrase: string): void {
  if (passphrase.length >= 12) return;
  throw new CaError(
    'ERR_CA_PASSPHRASE',
    `the passphrase of the root's key has ${passphrase.length} characters, and needs 12 at least`,
  );
}

/**
 * Makes sure that a CA can sign with a key.
 * @throws CaError `ERR_CA_KEY`
 */
function assertKeyType({ type }: PrivateKey): void {
  if (authorityKeyTypes.some((supported) => supported === type)) return;
  throw new CaError(
    'ERR_CA_KEY',
    `a CA cannot have a key of type ${type}: use one of ${authorityKeyTypes.join(', ')}`,
  );
}

/**
 * A CA for a week of development: under a name of its own, for names that lead nowhere else, its
 * root's key forgotten. Nothing makes a real one of it.
 */
export async function createDevelopmentAuthority({
  backend = webcrypto(),
  clock = systemClock,
  constraints = developmentConstraints,
}: DevelopmentRequest = {}): Promise<NewAuthority> {
  const names = [developmentName, 'AcmeX Development Issuing, do not trust'] as const;
  const made = await twoLevels({
    names,
    constraints: checkedConstraints({ constraints }),
    keyType: 'ec-p256',
    rootDays: 7,
    issuingDays: 7,
    backend,
    clock,
  });
  return {
    kind: 'development',
    root: made.root,
    issuing: made.issuing,
    issuingKey: made.issuingKey,
  };
}

export interface IssuingRequest {
  /** PEM. */
  readonly root: string;
  /**
   * Private key of the root, PEM; encrypted, as `createAuthority` returned it. Or the reference of a
   * key in a device, which `backend` opens.
   */
  readonly rootKey: Uint8Array;
  /** Of `rootKey`, where that is encrypted. */
  readonly passphrase?: string | undefined;
  /** An existing key for the new certificate; by default a new key is created. */
  readonly issuingKey?: PrivateKey | undefined;
  /** PEM: the certificate to replace, of which the new one has the name and the constraints. */
  readonly issuing: string;
  /** EC P-384 by default. */
  readonly keyType?: AuthorityKeyType;
  /** 3 years by default; never beyond the root's end. */
  readonly issuingDays?: number;
  readonly backend?: CryptoBackend;
  readonly clock?: Clock;
}

/**
 * Creates another issuing certificate for a CA, signed by its root: `replaceIssuing` stores it. Its
 * name has a number at the end. The caller overwrites the key after use.
 * @throws CaError `ERR_CA_CERTIFICATE` if the key is not that of the root; CertificateError for a
 * key that cannot be read
 */
export async function createIssuing({
  root,
  rootKey,
  passphrase,
  issuing,
  issuingKey,
  keyType = 'ec-p384',
  issuingDays = 1095,
  backend = webcrypto(),
  clock = systemClock,
}: IssuingRequest): Promise<Omit<NewAuthority, 'kind' | 'rootKey'>> {
  const rootSigner = await backend.import(rootKey, passphrase);
  const { notAfter: rootEnd } = issuerOf({ chain: root, key: rootSigner, clock });
  const [rootCertificate, issuingCertificate] = [root, issuing].map(
    (pem) => new x509.X509Certificate(Uint8Array.from(parseCertificate(pem).der)),
  ) as [x509.X509Certificate, x509.X509Certificate];
  const constraints = issuingCertificate.getExtension(id_ce_nameConstraints);
  const signer = issuingKey ?? (await backend.generate(keyType));
  assertKeyType(signer);
  const notBefore = clock.now().subtract({ hours: 1 });
  const notAfter = end(notBefore, issuingDays);
  const der = await signedCertificate(
    {
      serialNumber: newSerialNumber(),
      issuer: new Uint8Array(rootCertificate.subjectName.toArrayBuffer()),
      subject: nameOf(nextName(issuingCertificate.subjectName.getField('CN')[0])),
      publicKey: signer.publicKey,
      notBefore,
      notAfter: Temporal.Instant.compare(notAfter, rootEnd) < 0 ? notAfter : rootEnd,
      extensions: [
        ...caExtensions({
          publicKey: signer.publicKey,
          authorityKeyIdentifier: keyIdentifier(rootSigner.publicKey),
          constraints: undefined,
          issuing: true,
        }),
        ...(constraints ? [extensionDer(constraints)] : []),
      ],
    },
    rootSigner,
  );
  return { root, issuing: parseCertificate(der).pem, issuingKey: await storableKey(signer) };
}

/** `Example Issuing` is followed by `Example Issuing 2`. */
function nextName(name = 'Issuing'): string {
  const [, base = name, number = '1'] = /^(.*\S) (\d{1,4})$/.exec(name) ?? [];
  return `${base} ${Number(number) + 1}`;
}

/** Whether a certificate is a development CA's, whatever else was said of it. */
export function isDevelopment(pem: string): boolean {
  return /acmex development/i.test(parseCertificate(pem).subject);
}

interface TwoLevels {
  readonly names: readonly [string, string];
  readonly constraints: Constraints | undefined;
  readonly keyType: AuthorityKeyType;
  readonly rootKey?: PrivateKey | undefined;
  readonly issuingKey?: PrivateKey | undefined;
  readonly rootDays: number;
  readonly issuingDays: number;
  readonly backend: CryptoBackend;
  readonly clock: Clock;
}

async function twoLevels({
  names: [rootName, issuingName],
  constraints,
  keyType,
  backend,
  clock,
  ...wanted
}: TwoLevels) {
  const { rootDays, issuingDays } = wanted;
  const [rootSigner, issuingSigner] = await Promise.all([
    wanted.rootKey ?? backend.generate(keyType),
    wanted.issuingKey ?? backend.generate(keyType),
  ]);
  for (const key of [rootSigner, issuingSigner]) assertKeyType(key);
  const notBefore = clock.now().subtract({ hours: 1 });
  const authorityKeyIdentifier = keyIdentifier(rootSigner.publicKey);
  const certificate = async (signer: PrivateKey, subject: string, days: number, issuing: boolean) =>
    parseCertificate(
      await signedCertificate(
        {
          serialNumber: newSerialNumber(),
          issuer: nameOf(rootName),
          subject: nameOf(subject),
          publicKey: signer.publicKey,
          notBefore,
          notAfter: end(notBefore, days),
          extensions: caExtensions({
            publicKey: signer.publicKey,
            authorityKeyIdentifier,
            constraints,
            issuing,
          }),
        },
        rootSigner,
      ),
    ).pem;
  return {
    rootSigner,
    root: await certificate(rootSigner, rootName, rootDays, false),
    issuing: await certificate(issuingSigner, issuingName, Math.min(issuingDays, rootDays), true),
    issuingKey: await storableKey(issuingSigner),
  };
}

/** Both seconds count, the first and the last. RFC 5280 §4.1.2.5 */
function end(start: Temporal.Instant, days: number): Temporal.Instant {
  return start.add({ hours: days * 24 }).subtract({ seconds: 1 });
}

/**
 * 126 random bits behind one that is set: a positive number without bytes to spare. RFC 5280
 * §4.1.2.2 wants at most 20 bytes, CAs at least 64 random bits.
 */
export function newSerialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}
