// A program with the servers of Vite, which do not run inside Jest: bundled by the test. It prints
// what a client gets from them, and ends when they are closed.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:http2';
import { join } from 'node:path';
import type * as Vite from 'vite';
import { acmex } from './acmex.ts';

/** What the program prints. */
export interface ServersReport {
  readonly development: string;
  readonly restarted: string;
  readonly preview: string;
  /** Whether a server in middleware mode has options of HTTPS. */
  readonly middleware: boolean;
}

// It has parts in machine code, and is not bundled.
const name = 'vite';
const { build, createServer, preview } = (await import(name)) as typeof Vite;
const [root = ''] = process.argv.slice(2);
const localCa = { path: join(root, 'local-ca') };
const config = {
  ...{ root, configFile: false as const, logLevel: 'silent' as const },
  server: { host: '127.0.0.1' },
  preview: { host: '127.0.0.1' },
};

const started = await createServer({ ...config, plugins: [acmex({ localCa })] });
await started.listen();
const development = await page(started);
await started.restart();
const restarted = await page(started);
await started.close();

await build({ ...config, plugins: [acmex({ localCa })] });
const built = await preview({ ...config, plugins: [acmex({ localCa })] });
const previewed = await page(built);
await built.close();

const plugins = [acmex({ localCa })];
const inProgram = await createServer({ ...config, server: { middlewareMode: true }, plugins });
const middleware = inProgram.config.server.https !== undefined;
await inProgram.close();

const report: ServersReport = { development, restarted, preview: previewed, middleware };
console.log(JSON.stringify(report));

/** The page that a client gets over HTTP/2 which trusts the local CA alone. */
async function page({ resolvedUrls }: Vite.ViteDevServer | Vite.PreviewServer): Promise<string> {
  const [url = ''] = resolvedUrls?.local ?? [];
  const client = connect(url, { ca: await readFile(join(localCa.path, 'root.pem')) });
  const stream = client.request({ ':path': '/', accept: 'text/html' }).setEncoding('utf8');
  let text = '';
  stream.on('data', (chunk: string) => {
    text += chunk;
  });
  await once(stream, 'end');
  client.close();
  return text;
}
