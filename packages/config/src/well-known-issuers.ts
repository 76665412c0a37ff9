/** A public CA. */
export interface WellKnownIssuer {
  /** What people call it. */
  readonly title: string;
  /** The URL of its ACME directory. */
  readonly directory: string;
  /** Its certificates are for tests: browsers do not trust them. */
  readonly staging?: true;
  /** It takes accounts only with an external account. RFC 8555 §7.3.4. */
  readonly externalAccount?: true;
}

/**
 * Public CAs by name. Buypass is not among them: it issued its last TLS certificate in October
 * 2025.
 */
export const wellKnownIssuers = {
  letsencrypt: {
    title: "Let's Encrypt",
    directory: 'https://acme-v02.api.letsencrypt.org/directory',
  },
  'letsencrypt-staging': {
    title: "Let's Encrypt staging",
    directory: 'https://acme-staging-v02.api.letsencrypt.org/directory',
    staging: true,
  },
  google: {
    title: 'Google Trust Services',
    directory: 'https://dv.acme-v02.api.pki.goog/directory',
    externalAccount: true,
  },
  'google-staging': {
    title: 'Google Trust Services staging',
    directory: 'https://dv.acme-v02.test-api.pki.goog/directory',
    staging: true,
    externalAccount: true,
  },
  zerossl: {
    title: 'ZeroSSL',
    directory: 'https://acme.zerossl.com/v2/DV90',
    externalAccount: true,
  },
  sslcom: {
    title: 'SSL.com (RSA)',
    directory: 'https://acme.ssl.com/sslcom-dv-rsa',
    externalAccount: true,
  },
  'sslcom-ecc': {
    title: 'SSL.com (ECC)',
    directory: 'https://acme.ssl.com/sslcom-dv-ecc',
    externalAccount: true,
  },
} as const satisfies Readonly<Record<string, WellKnownIssuer>>;

export type WellKnownIssuerName = keyof typeof wellKnownIssuers;

export const wellKnownIssuerNames = [
  'letsencrypt',
  'letsencrypt-staging',
  'google',
  'google-staging',
  'zerossl',
  'sslcom',
  'sslcom-ecc',
] as const satisfies readonly WellKnownIssuerName[];
