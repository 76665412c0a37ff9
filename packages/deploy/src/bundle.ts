/** An issued certificate with its key, as it is deployed. */
export interface Bundle {
  /** Of the managed certificate. */
  readonly id: string;
  /** As people write them; folders are named after the first. */
  readonly names: readonly string[];
  /** Lower-case hexadecimal. */
  readonly serialNumber: string;
  /** RFC 3339 */
  readonly notAfter: string;
  /** PEM, the leaf first. */
  readonly chain: string;
  /** PKCS#8 PEM; undefined for a key that cannot leave its device. */
  readonly privateKey: string | undefined;
  /** The certificate of a second key, which is deployed with the first. */
  readonly second?: SecondBundle | undefined;
}

/** The certificate of a second key, of another algorithm. */
export interface SecondBundle {
  /** What its files are named after: `fullchain-rsa.pem`. */
  readonly algorithm: 'rsa' | 'ec';
  /** Lower-case hexadecimal. */
  readonly serialNumber: string;
  /** PEM, the leaf first. */
  readonly chain: string;
  /** PKCS#8 PEM. */
  readonly privateKey: string;
}

export interface BundleFiles {
  readonly fullchain: string;
  readonly certificate: string;
  readonly chain: string;
  readonly privateKey: string | undefined;
}

/** Returns the texts of the four files that servers read. */
export function filesOf({ chain, privateKey }: Pick<Bundle, 'chain' | 'privateKey'>): BundleFiles {
  const all = chain.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g) ?? [];
  return { fullchain: chain, certificate: all[0] ?? '', chain: all.slice(1).join(''), privateKey };
}

/**
 * Returns the name of a certificate's folder: `example.com`, `_wildcard.example.com`; an address
 * without its colons.
 */
export function folderName([first = 'certificate']: readonly string[]): string {
  return first
    .toLowerCase()
    .replace(/^\*\./, '_wildcard.')
    .replaceAll(/[^a-z0-9._-]/g, '_')
    .replace(/^\.+/, '_');
}
