import { CliError } from './errors.ts';

/** A CA as the program speaks of it. */
export interface CertificateAuthority {
  /** What people call it; its directory's host for one that is not in the table. */
  readonly title: string;
  readonly directory: string;
  /** What must be said along with its name, if anything. */
  readonly remark?: string;
}

const notTrusted = 'not trusted by browsers';

/** The CAs that `--ca` knows. */
export const certificateAuthorities: Readonly<Record<string, CertificateAuthority>> = {
  letsencrypt: { title: 'Let\'s Encrypt', directory: 'https://acme-v02.api.letsencrypt.org/directory' },
  'letsencrypt-staging': { title: 'Let\'s Encrypt staging', directory: 'https://acme-staging-v02.api.letsencrypt.org/directory', remark: notTrusted },
  google: { title: 'Google Trust Services', directory: 'https://dv.acme-v02.api.pki.goog/directory' },
  'google-staging': { title: 'Google Trust Services staging', directory: 'https://dv.acme-v02.test-api.pki.goog/directory', remark: notTrusted },
  zerossl: { title: 'ZeroSSL', directory: 'https://acme.zerossl.com/v2/DV90' },
};

/** The CA to use: `server`, else `ca`, else Let's Encrypt where `production` is asked for, else its staging. */
export function chooseAuthority({ server, ca, prod }: { readonly server?: string | undefined; readonly ca?: string | undefined; readonly prod?: boolean | undefined }): CertificateAuthority {
  if (server !== undefined) {
    if (!URL.canParse(server)) throw new CliError('ERR_CLI_USAGE', `--server "${server}" is no URL: give the CA's ACME directory, as https://ca.example/directory`);
    return Object.values(certificateAuthorities).find(({ directory }) => directory === server) ?? { title: new URL(server).host, directory: server };
  }
  const name = ca ?? (prod ? 'letsencrypt' : 'letsencrypt-staging');
  const known = Object.hasOwn(certificateAuthorities, name) ? certificateAuthorities[name] : undefined;
  if (known) return known;
  throw new CliError('ERR_CLI_USAGE', `--ca "${name}" is not known: choose ${Object.keys(certificateAuthorities).join(', ')}, or give --server with the directory's URL`);
}

export function called({ title, remark }: CertificateAuthority): string {
  return remark ? `${title} (${remark})` : title;
}
