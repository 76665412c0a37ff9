/** A format of `…/chain?format=` or `…/bundle?format=`, with the ending of its files. */
export const chainFiles = {
  pem: '.pem',
  leaf: '.cert.pem',
  chain: '.chain.pem',
  der: '.cer',
  pkcs7: '.p7b.pem',
  'pkcs7-der': '.p7b',
} as const;
export const keyFiles = {
  pkcs8: '.key.pem',
  combined: '.combined.pem',
  pkcs12: '.p12',
  'pkcs12-legacy': '.p12',
  jks: '.jks',
  'pkcs8-der': '.key.der',
} as const satisfies Readonly<Record<string, string>>;

export type ChainFormat = keyof typeof chainFiles;
export type KeyFormat = keyof typeof keyFiles;

/** Whether a format is encrypted by a passphrase. */
export const passphraseOf: Readonly<Record<KeyFormat, 'optional' | 'required'>> = {
  pkcs8: 'optional',
  combined: 'optional',
  pkcs12: 'required',
  'pkcs12-legacy': 'required',
  jks: 'required',
  'pkcs8-der': 'optional',
};

/** Returns a name for a file that every file system takes: `wildcard.example.com.pem`. */
export function fileName(name: string | undefined, ending: string): string {
  const base = (name ?? '')
    .replace(/^\*/, 'wildcard')
    .replaceAll(/[^\w.-]/g, '_')
    .replace(/^\.+/, '')
    .slice(0, 100);
  return `${base === '' ? 'certificate' : base}${ending}`;
}
