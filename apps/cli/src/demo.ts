import { mkdir, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import {
  createDevelopmentAuthority,
  loadAuthority,
  networkValidator,
  saveAuthority,
} from '@acmex/ca';
import { serveAcme } from '@acmex/ca/node';
import { addressPolicy } from '@acmex/egress';
import { memoryStorage } from '@acmex/storage';
import { fileErrorText } from '@acmex/files';
import { plainConfiguration } from './configuration.ts';
import { CliError } from './errors.ts';
import { info } from './info/info.ts';
import { obtain } from './obtain/obtain.ts';
import type { LogLevel, Terminal } from './terminal.ts';
import { waitingFile } from './whole-file.ts';

export interface DemoOptions {
  readonly directory: string;
  readonly logLevel: LogLevel;
}

const names = ['www.demo.test', 'demo.test'];

/**
 * `acmex demo`: obtains a certificate over http-01 from a temporary CA on this machine; only the
 * files remain.
 */
export async function demo(
  { directory, logLevel }: DemoOptions,
  terminal: Terminal,
): Promise<void> {
  const { stdout } = terminal;
  const [certPath, keyPath, root] = ['certificate.pem', 'private_key.pem', 'ca-root.pem'].map(
    (name) => join(directory, name),
  ) as [string, string, string];
  await emptyDirectory(directory);
  await using storage = memoryStorage();
  await saveAuthority(storage, await createDevelopmentAuthority());
  const authority = await loadAuthority(storage, { kind: 'development' });
  const httpPort = await freePort();
  await using server = await serveAcme({
    storage,
    issuer: authority.issuer,
    validate: networkValidator({
      egress: {
        policy: addressPolicy({ allow: ['127.0.0.0/8'] }),
        resolver: async () => ['127.0.0.1'],
      },
      ports: { http: httpPort, https: httpPort },
    }),
    onError: ({ during, error }) => {
      terminal.stderr.write(`the demonstration's CA: ${during} failed: ${String(error)}\n`);
    },
  });
  await using file = await waitingFile(root, 0o644);
  await file.commit(authority.root);
  stdout.write(
    `A development CA is running at ${server.directory}\n\n$ acmex obtain -d ${names.join(' -d ')} --server ${server.directory} --ca-certificate ${root} --http-port ${httpPort}\n`,
  );
  await obtain(
    {
      domains: names,
      server: server.directory,
      caCertificate: root,
      acceptTos: true,
      httpPort,
      tlsPort: 443,
      certPath,
      keyPath,
      keyType: 'ec-p256',
      challenge: 'http-01',
      configuration: await plainConfiguration('memory:'),
      manage: false,
      output: 'text',
      logLevel,
    },
    terminal,
  );
  stdout.write(`\n$ acmex info -c ${certPath}\n`);
  await info('', { cert: certPath, output: 'text', logLevel, overrides: [] }, terminal);
  stdout.write(`\nThe CA has stopped; the files are in ${directory}. Next, try:
  acmex ca serve --development --http-port 8080 --root-certificate ca-root.pem
  acmex ca init --help
  acmex obtain --help
`);
}

async function emptyDirectory(path: string): Promise<void> {
  const exists = await stat(join(path, 'certificate.pem')).then(
    () => true,
    () => false,
  );
  if (exists)
    throw new CliError(
      'ERR_CLI_EXISTS',
      `${join(path, 'certificate.pem')} already exists: use another --directory`,
    );
  await mkdir(path, { recursive: true }).catch((error: unknown) => {
    throw new CliError(
      'ERR_CLI_FILE',
      `the directory ${path} cannot be created (${fileErrorText(error)})`,
      {
        cause: error,
      },
    );
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
