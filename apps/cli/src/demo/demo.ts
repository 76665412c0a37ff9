import { join } from 'node:path';
import { plainConfiguration } from '../configuration.ts';
import { info } from '../info/info.ts';
import { obtain } from '../obtain/obtain.ts';
import type { LogLevel, Terminal } from '../terminal.ts';
import { emptyDirectory, startDemoCa } from './demo-ca.ts';

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
  await emptyDirectory(directory, certPath);
  await using ca = await startDemoCa(root, terminal);
  stdout.write(
    `A development CA is running at ${ca.directory}\n\n$ acmex obtain -d ${names.join(' -d ')} --server ${ca.directory} --ca-certificate ${root} --http-port ${ca.httpPort}\n`,
  );
  await obtain(
    {
      domains: names,
      server: ca.directory,
      caCertificate: root,
      acceptTos: true,
      httpPort: ca.httpPort,
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
  acmex demo --serve
  acmex ca serve --development --http-port 8080 --root-certificate ca-root.pem
  acmex ca init --help
  acmex obtain --help
`);
}
