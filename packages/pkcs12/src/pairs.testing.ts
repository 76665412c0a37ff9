import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from '@acmex/services';

/** A key and its certificate, DER. */
export interface Pair {
  readonly key: Buffer;
  readonly certificate: Buffer;
}

const algorithms = {
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  rsa: ['-newkey', 'rsa:2048'],
  ed25519: ['-newkey', 'ed25519'],
} as const;

export type Algorithm = keyof typeof algorithms;

/** A folder of its own, in which programs run. */
export function workFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'acmex-pkcs12-'));
  const run = (program: string, args: readonly string[], input?: Uint8Array) =>
    execFileSync(program, args, { cwd: folder, input, stdio: ['pipe', 'pipe', 'pipe'] });
  return {
    run,
    write: (name: string, bytes: Uint8Array) => writeFileSync(join(folder, name), bytes),
    read: (name: string) => readFileSync(join(folder, name)),
    /**
     * Lets OpenSSL make a key and a certificate, also as NAME-key.pem and NAME.pem.
     * @param issuer the name of the pair that signs it; by default itself
     */
    pair(algorithm: Algorithm, name: string = algorithm, issuer?: string): Pair {
      const subject = ['-nodes', '-subj', `/CN=${name}.test`, '-days', '30'];
      const signer =
        issuer === undefined ? [] : ['-CA', `${issuer}.pem`, '-CAkey', `${issuer}-key.pem`];
      const files = ['-keyout', `${name}-key.pem`, '-out', `${name}.pem`];
      run('openssl', ['req', '-x509', ...algorithms[algorithm], ...subject, ...signer, ...files]);
      return {
        key: run('openssl', [
          'pkcs8',
          '-topk8',
          '-nocrypt',
          '-in',
          `${name}-key.pem`,
          '-outform',
          'DER',
        ]),
        certificate: run('openssl', ['x509', '-in', `${name}.pem`, '-outform', 'DER']),
      };
    },
    [Symbol.asyncDispose]: () => removeFolder(folder),
  };
}
