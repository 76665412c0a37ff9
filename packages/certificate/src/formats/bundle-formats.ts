/** What a format holds, and how it is handled. */
export interface BundleFormatTraits {
  readonly description: string;
  readonly hasCertificate: boolean;
  readonly hasKey: boolean;
  readonly passphrase: 'none' | 'optional' | 'required';
  readonly isBinary: boolean;
  readonly mediaType: string;
}

const pemFile = 'application/x-pem-file';
const certificates = { hasCertificate: true, hasKey: false, passphrase: 'none' } as const;
const key = { hasCertificate: false, hasKey: true } as const;
const both = { hasCertificate: true, hasKey: true } as const;
const text = { isBinary: false, mediaType: pemFile } as const;

/** The formats in which a certificate, its chain and its key are written. */
export const bundleFormats = {
  pem: {
    ...certificates,
    description: 'The certificate and its chain, PEM',
    isBinary: false,
    mediaType: 'application/pem-certificate-chain',
  },
  leaf: { ...certificates, ...text, description: 'The certificate alone, PEM' },
  chain: { ...certificates, ...text, description: 'The chain without the certificate, PEM' },
  combined: {
    ...both,
    ...text,
    passphrase: 'optional',
    description: 'Key, certificate and chain in one PEM file, as HAProxy reads it',
  },
  der: {
    ...certificates,
    description: 'The certificate alone, DER',
    isBinary: true,
    mediaType: 'application/pkix-cert',
  },
  pkcs7: { ...certificates, ...text, description: 'The certificate and its chain, PKCS#7 as PEM' },
  'pkcs7-der': {
    ...certificates,
    description: 'The certificate and its chain, PKCS#7 as DER (.p7b)',
    isBinary: true,
    mediaType: 'application/pkcs7-mime; smime-type=certs-only',
  },
  pkcs8: { ...key, ...text, passphrase: 'optional', description: 'The key, PKCS#8 as PEM' },
  'pkcs8-der': {
    ...key,
    passphrase: 'optional',
    description: 'The key, PKCS#8 as DER',
    isBinary: true,
    mediaType: 'application/pkcs8',
  },
  pkcs1: { ...key, ...text, passphrase: 'none', description: 'An RSA key for old programs, PEM' },
  sec1: { ...key, ...text, passphrase: 'none', description: 'An EC key for old programs, PEM' },
  pkcs12: {
    ...both,
    passphrase: 'required',
    description: 'Key, certificate and chain, PKCS#12 with AES-256 (.p12, .pfx)',
    isBinary: true,
    mediaType: 'application/pkcs12',
  },
  'pkcs12-legacy': {
    ...both,
    passphrase: 'required',
    description: 'The same with 3DES, for Windows Server 2016, Java 8 and older',
    isBinary: true,
    mediaType: 'application/pkcs12',
  },
  'pkcs12-truststore': {
    ...certificates,
    passphrase: 'required',
    description: "The CAs' certificates, as Java trusts them, PKCS#12",
    isBinary: true,
    mediaType: 'application/pkcs12',
  },
  jks: {
    ...both,
    passphrase: 'required',
    description: 'Key, certificate and chain, a Java keystore for Java 8 and older',
    isBinary: true,
    mediaType: 'application/x-java-keystore',
  },
  'jks-truststore': {
    ...certificates,
    passphrase: 'required',
    description: "The CAs' certificates, a Java keystore for Java 8 and older",
    isBinary: true,
    mediaType: 'application/x-java-keystore',
  },
} as const satisfies Readonly<Record<string, BundleFormatTraits>>;

export type BundleFormat = keyof typeof bundleFormats;

/** The names of the formats, in the order of the table. */
export const bundleFormatNames = Object.keys(bundleFormats) as unknown as readonly [
  BundleFormat,
  ...BundleFormat[],
];
