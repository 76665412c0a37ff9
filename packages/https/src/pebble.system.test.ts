import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { errorCode } from '@acmex/errors';
import { nodeFetch } from '@acmex/protocol/node';
import {
  describeWith,
  eventually,
  freePort,
  type Pebble,
  startPebble,
  type TemporaryFolder,
  temporaryFolder,
} from '@acmex/services';
import { memoryStorage } from '@acmex/storage';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { movedClock, served } from './autocert.testing.ts';
import { autocert } from './index.ts';

const run = promisify(execFile);

describeWith(['pebble', 'pebble-challtestsrv', 'openssl', 'curl'], 'autocert with Pebble', () => {
  let pebble: Pebble;
  let folder: TemporaryFolder;
  let roots: string;
  beforeAll(async () => {
    pebble = await startPebble();
    folder = await temporaryFolder('autocert');
    roots = join(folder.path, 'roots.pem');
    await writeFile(roots, await pebble.rootCertificate());
  });
  afterAll(async () => {
    await folder?.[Symbol.asyncDispose]();
    await pebble?.[Symbol.asyncDispose]();
  });

  it('serves curl, and OpenSSL with TLS 1.2 and 1.3, by ECDSA and by RSA, after tls-alpn-01', async () => {
    const ports = { https: pebble.tlsPort, http: pebble.httpPort };
    await using tls = await autocert({
      ...{ names: ['example.test'], acceptTerms: true, development: false, ports },
      ...{ directory: pebble.directory, storage: memoryStorage(), host: '127.0.0.1' },
      keyTypes: ['ec-p256', 'rsa-2048'],
      fetch: nodeFetch({ ca: pebble.caCertificate }),
    });
    const errors: unknown[] = [];
    tls.on('error', (error) => errors.push(error));
    await using listening = await tls.listen((_, response) => void response.end('hello'));
    expect(listening.https.listening).toBe(true);
    await served(tls);
    expect(errors).toEqual([]);
    const at = `example.test:${ports.https}`;
    const { stdout } = await run('curl', [
      ...['--silent', '--show-error', '--cacert', roots, `https://${at}/`],
      ...['--resolve', `${at}:127.0.0.1`],
    ]);
    expect(stdout).toBe('hello');
    const handshakes = [
      ['-tls1_3', 'ECDSA+SHA256', 'id-ecPublicKey'],
      ['-tls1_3', 'RSA-PSS+SHA256:RSA+SHA256', 'rsaEncryption'],
      ['-tls1_2', 'ECDSA+SHA256', 'id-ecPublicKey'],
      ['-tls1_2', 'RSA-PSS+SHA256:RSA+SHA256', 'rsaEncryption'],
    ] as const;
    for (const [version, algorithms, key] of handshakes) {
      const handshake = await opensslText([version, '-sigalgs', algorithms]);
      expect(handshake.verification).toContain('Verify return code: 0 (ok)');
      expect(handshake.certificate).toContain(`Public Key Algorithm: ${key}`);
    }
  });

  it('serves curl after http-01, where the CA does not reach the port of HTTPS', async () => {
    const clock = movedClock();
    const ports = { https: await freePort(), http: pebble.httpPort };
    await using tls = await autocert({
      ...{ names: ['plain.test'], acceptTerms: true, development: false, ports, clock },
      ...{ directory: pebble.directory, storage: memoryStorage(), host: '127.0.0.1' },
      fetch: nodeFetch({ ca: pebble.caCertificate }),
    });
    const errors: unknown[] = [];
    tls.on('error', (error) => errors.push(error));
    await using listening = await tls.listen((_, response) => void response.end('hello'));
    expect(listening.http?.listening).toBe(true);
    await eventually(async () => (await tls.status())[0]?.state === 'failing');
    const change = served(tls);
    // Longer than the first pause after a failure.
    clock.pass({ minutes: 2 });
    await change;
    expect(errors.map(errorCode)).toEqual(['ERR_CLIENT_VALIDATION_FAILED']);
    const at = `plain.test:${ports.https}`;
    const { stdout } = await run('curl', [
      ...['--silent', '--show-error', '--cacert', roots, `https://${at}/`],
      ...['--resolve', `${at}:127.0.0.1`],
    ]);
    expect(stdout).toBe('hello');
  });

  async function opensslText(options: readonly string[]) {
    const connect = ['-connect', `127.0.0.1:${pebble.tlsPort}`, '-servername', 'example.test'];
    const script = 'openssl s_client "$@" </dev/null 2>&1';
    const verification = (
      await run('sh', ['-c', script, 'sh', ...connect, '-CAfile', roots, ...options])
    ).stdout;
    const file = join(folder.path, 'shown.pem');
    await writeFile(file, verification);
    const certificate = (await run('openssl', ['x509', '-noout', '-text', '-in', file])).stdout;
    return { verification, certificate };
  }
});
