import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeWith, eventually, freePort, removeFolder, startRedis } from '@acmex/services';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type OwnCa, ownCa } from '../own-ca.testing.ts';
import { type OtlpReceiver, otlpReceiver, type ReceivedSpan } from './otlp-receiver.testing.ts';

const program = fileURLToPath(new URL('../../dist/main.mjs', import.meta.url));
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
let ca: OwnCa;
let folder: string;
let running: ChildProcess[];
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  ca = await ownCa({ arrange: (chain) => chain });
});
afterAll(async () => {
  await ca[Symbol.asyncDispose]();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-tracing-'));
  await writeFile(at('root.pem'), ca.root);
  running = [];
});
afterEach(async () => {
  for (const child of running.filter(({ exitCode }) => exitCode === null)) {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  await removeFolder(folder);
});

/** Starts the built program. */
function start(args: readonly string[], variables: NodeJS.ProcessEnv) {
  const env = { PATH: process.env.PATH, HOME: folder, ...variables };
  const child = spawn(process.execPath, [program, ...args], { cwd: folder, env });
  running.push(child);
  const output = { stderr: '' };
  child.stderr.on('data', (chunk: Buffer) => {
    output.stderr += chunk.toString();
  });
  child.stdout.resume();
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  return { output, ended };
}

async function obtain(variables: NodeJS.ProcessEnv, place = '.') {
  const { output, ended } = start(
    [
      ...['obtain', '-d', 'secret-name.test', '--server', ca.directory, '--accept-tos'],
      ...['--ca-certificate', at('root.pem'), '--http-port', String(await freePort())],
      ...['--storage', at(`${place}/data`), '--cert-path', at(`${place}/a.pem`)],
      ...['-k', at(`${place}/a.key`)],
    ],
    variables,
  );
  return { code: await ended, stderr: output.stderr };
}

/** Returns the names of the spans below each other, as lines of text. */
function treeOf(spans: readonly ReceivedSpan[], parent: string, depth = 0): readonly string[] {
  return spans
    .filter((span) => span.parent === parent)
    .flatMap((span) => [
      `${'  '.repeat(depth)}${span.name}`,
      ...treeOf(spans, span.spanId, depth + 1),
    ]);
}

describe('acmex obtain', () => {
  let receiver: OtlpReceiver;
  beforeEach(async () => {
    receiver = await otlpReceiver();
  });
  afterEach(async () => {
    await receiver[Symbol.asyncDispose]();
  });

  it('sends one trace of command, order, requests to the CA and deployment, without names and keys', async () => {
    const { code } = await obtain({
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-team=web',
      OTEL_SERVICE_NAME: 'acmex-of-web',
    });
    expect(code).toBe(0);
    const tree = treeOf(receiver.spans, '');
    expect(tree.filter((line) => !line.startsWith(' '))).toEqual(['command']);
    for (const line of ['  issue', '    acme request', '    storage write', '  task', '    deploy'])
      expect(tree).toContain(line);
    expect(receiver.headers[0]).toMatchObject({ 'x-team': 'web' });
    const text = receiver.bytes.toString('latin1');
    expect(text).toContain('acmex-of-web');
    const key = (await readFile(at('a.key'), 'utf8')).split('\n')[1] ?? '';
    for (const secret of ['secret-name', '.well-known', 'PRIVATE', ca.directory, key])
      expect(text).not.toContain(secret);
  });
  it('loads the code for traces only when they are on', async () => {
    const loaded = async (name: string, variables: NodeJS.ProcessEnv) => {
      const args = ['renew', '--storage', at('data')];
      expect(await start(args, { NODE_V8_COVERAGE: at(name), ...variables }).ended).toBe(0);
      const [file = ''] = await readdir(at(name));
      const { result } = JSON.parse(await readFile(join(at(name), file), 'utf8')) as {
        readonly result: readonly { readonly url: string }[];
      };
      const chunks = result.filter(({ url }) => url.startsWith('file:'));
      const texts = await Promise.all(
        chunks.map(async ({ url }) => await readFile(fileURLToPath(url), 'utf8')),
      );
      return texts.some((text) => text.includes('OTEL_BSP_SCHEDULE_DELAY'));
    };
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
    await expect(loaded('off', {})).resolves.toBe(false);
    await expect(loaded('disabled', { ...endpoint, OTEL_SDK_DISABLED: 'true' })).resolves.toBe(
      false,
    );
    await expect(loaded('on', endpoint)).resolves.toBe(true);
  });
  it('succeeds and warns once where the receiver is down or never answers', async () => {
    const run = async (name: string, endpoint: string) => {
      await mkdir(at(name));
      const timeout = { OTEL_EXPORTER_OTLP_TIMEOUT: '300' };
      return await obtain({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, ...timeout }, name);
    };
    await using silent = await otlpReceiver('never');
    const runs = await Promise.all([
      run('down', `http://127.0.0.1:${await freePort()}`),
      run('silent', silent.url),
    ]);
    for (const { code, stderr } of runs)
      expect([code, stderr.match(/traces cannot be sent/g)?.length]).toEqual([0, 1]);
    expect(silent.bytes.length).toBeGreaterThan(0);
  });
});

describeWith(['redis-server'], 'a team', () => {
  it('has one trace from the request of a caller through queue, worker and CA to the deployment', async () => {
    await using redis = await startRedis();
    await using receiver = await otlpReceiver();
    const toml = (port: number, httpPort: number) => `
[redis]
url = "${redis.url}"
[storage]
url = "file:${at('data')}"
[server]
listen_addr = "127.0.0.1:${port}"
[acme]
ca = "custom"
ca_custom_url = "${ca.directory}"
ca_certificate = "${at('root.pem')}"
tos_agreed = true
[challenge.http01]
listen_addr = "127.0.0.1:${httpPort}"
[[certificates]]
names = ["secret-name.test"]
deploy = [{ directory = "${at('deployed')}" }]
`;
    const port = await freePort();
    await writeFile(at('api.toml'), toml(port, await freePort()), { mode: 0o600 });
    await writeFile(at('worker.toml'), toml(port, await freePort()), { mode: 0o600 });
    const variables = {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_BSP_SCHEDULE_DELAY: '100',
    };
    const api = start(['serve', '--role', 'api', '--config', at('api.toml')], variables);
    await eventually(() => /listening on/.test(api.output.stderr));
    const [, file = ''] = /first API key is in (\S+)/.exec(api.output.stderr) ?? [];
    const key = (await readFile(file, 'utf8')).trim();
    const call = async (method: string, path: string, traceparent: string) => {
      const headers = { 'x-api-key': key, traceparent };
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers });
      return (await answer.json()) as {
        readonly certificate?: string;
        readonly items?: readonly { readonly id: string; readonly current?: object }[];
      };
    };
    const worker = start(['serve', '--role', 'worker', '--config', at('worker.toml')], variables);
    let id = '';
    await eventually(async () => {
      const { items: [certificate] = [] } = await call('GET', '/api/certificates', 'nonsense');
      id = certificate?.id ?? '';
      return certificate?.current !== undefined;
    });
    const caller = '00f067aa0ba902b7';
    const order = await call('POST', `/api/certificates/${id}/renew`, `00-${traceId}-${caller}-01`);
    expect(order).toMatchObject({ certificate: id });
    const ofCaller = () => receiver.spans.filter((span) => span.traceId === traceId);
    await eventually(() =>
      ['request', 'task'].every((wanted) => ofCaller().some(({ name }) => name === wanted)),
    );
    const tree = treeOf(ofCaller(), caller);
    expect(tree[0]).toBe('request');
    for (const line of ['  task', '    issue', '      acme request', '    deploy'])
      expect(tree).toContain(line);
    expect(receiver.bytes.toString('latin1')).not.toContain('secret-name');
    expect(receiver.bytes.toString('latin1')).not.toContain(key);
    // While Redis still answers.
    for (const child of running) child.kill('SIGTERM');
    await expect(Promise.all([api.ended, worker.ended])).resolves.toEqual([0, 0]);
  });
});
