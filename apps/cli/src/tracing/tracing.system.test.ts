import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  describeWith,
  eventually,
  freePort,
  removeFolder,
  startBind,
  startRedis,
} from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { servingProgram } from '../server/serving-program.testing.ts';
import { type OwnCa, ownCa } from '../own-ca.testing.ts';
import { type OtlpReceiver, otlpReceiver, type ReceivedSpan } from './otlp-receiver.testing.ts';

const program = fileURLToPath(new URL('../../bin/acmex.mjs', import.meta.url));
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
let ca: OwnCa;
let folder: string;
const running: ChildProcess[] = [];
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  ca = await ownCa({ arrange: (chain) => chain });
  folder = await mkdtemp(join(tmpdir(), 'acmex-tracing-'));
  await writeFile(at('root.pem'), ca.root);
});
afterAll(async () => {
  for (const child of running.filter(({ exitCode }) => exitCode === null)) {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  await ca[Symbol.asyncDispose]();
  await removeFolder(folder);
});

/** Starts the built program, or another one. */
function start(args: readonly string[], variables: NodeJS.ProcessEnv, file = program) {
  const env = { PATH: process.env.PATH, HOME: folder, ...variables };
  const child = spawn(process.execPath, [file, ...args], { cwd: folder, env });
  running.push(child);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk: Buffer) => {
      output[name] += chunk.toString();
    });
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  return { child, output, ended };
}

/** Obtains a certificate into a folder of its own, by http-01 from the CA of the tests by default. */
async function obtain(place: string, variables: NodeJS.ProcessEnv, more?: readonly string[]) {
  await mkdir(at(place));
  const { output, ended } = start(
    [
      ...['obtain', '-d', 'secret-name.test', '--accept-tos'],
      ...['--storage', at(`${place}/data`), '--cert-path', at(`${place}/a.pem`)],
      ...['-k', at(`${place}/a.key`)],
      ...(more ?? [
        ...['--server', ca.directory, '--ca-certificate', at('root.pem')],
        ...['--http-port', String(await freePort())],
      ]),
    ],
    variables,
  );
  return { code: await ended, stderr: output.stderr };
}

/** Whether a program that has ended had loaded the code for traces, as its coverage says. */
async function hasLoadedTraces(coverage: string): Promise<boolean> {
  const [file = ''] = await readdir(at(coverage));
  const { result } = JSON.parse(await readFile(join(at(coverage), file), 'utf8')) as {
    readonly result: readonly { readonly url: string }[];
  };
  const chunks = result.filter(({ url }) => url.startsWith('file:'));
  const texts = await Promise.all(
    chunks.map(async ({ url }) => await readFile(fileURLToPath(url), 'utf8')),
  );
  return texts.some((text) => text.includes('OTEL_BSP_SCHEDULE_DELAY'));
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
  let silent: OtlpReceiver;
  let runs: Readonly<Record<'sent' | 'down' | 'silent', Awaited<ReturnType<typeof obtain>>>>;
  // All at once: a test waits for the slowest, and not for each after the other.
  beforeAll(async () => {
    receiver = await otlpReceiver();
    silent = await otlpReceiver('never');
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
    const lost = async (name: string, url: string) =>
      await obtain(name, { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_TIMEOUT: '300' });
    const untraced = async (name: string, variables: NodeJS.ProcessEnv) => {
      const args = ['renew', '--storage', at(name)];
      const { ended } = start(args, { NODE_V8_COVERAGE: at(`coverage-${name}`), ...variables });
      expect(await ended).toBe(0);
    };
    const [sent, down, unanswered] = await Promise.all([
      obtain('sent', {
        ...endpoint,
        OTEL_EXPORTER_OTLP_HEADERS: 'x-team=web',
        OTEL_SERVICE_NAME: 'acmex-of-web',
        NODE_V8_COVERAGE: at('coverage-on'),
      }),
      lost('down', `http://127.0.0.1:${await freePort()}`),
      lost('silent', silent.url),
      untraced('off', {}),
      untraced('disabled', { ...endpoint, OTEL_SDK_DISABLED: 'true' }),
    ]);
    runs = { sent, down, silent: unanswered };
  });
  afterAll(async () => {
    await receiver[Symbol.asyncDispose]();
    await silent[Symbol.asyncDispose]();
  });

  it('sends one trace of command, order, requests to the CA and deployment, without names and keys', async () => {
    expect(runs.sent.code).toBe(0);
    const tree = treeOf(receiver.spans, '');
    expect(tree.filter((line) => !line.startsWith(' '))).toEqual(['command']);
    for (const line of ['  issue', '    acme request', '    storage write', '  task', '    deploy'])
      expect(tree).toContain(line);
    expect(receiver.headers[0]).toMatchObject({ 'x-team': 'web' });
    const text = receiver.bytes.toString('latin1');
    expect(text).toContain('acmex-of-web');
    const key = (await readFile(at('sent/a.key'), 'utf8')).split('\n')[1] ?? '';
    for (const secret of ['secret-name', '.well-known', 'PRIVATE', ca.directory, key])
      expect(text).not.toContain(secret);
  });
  it('loads the code for traces only when they are on', async () => {
    await expect(hasLoadedTraces('coverage-off')).resolves.toBe(false);
    await expect(hasLoadedTraces('coverage-disabled')).resolves.toBe(false);
    await expect(hasLoadedTraces('coverage-on')).resolves.toBe(true);
  });
  it('succeeds and warns once where the receiver is down or never answers', () => {
    for (const { code, stderr } of [runs.down, runs.silent])
      expect([code, stderr.match(/traces cannot be sent/g)?.length]).toEqual([0, 1]);
    expect(silent.bytes.length).toBeGreaterThan(0);
  });
});

describeWith(['named'], 'an order by dns-01 at acmex ca serve', () => {
  it('has the calls of the DNS provider in its trace, and the validation in a trace of the CA', async () => {
    await using bind = await startBind({ zones: { 'secret-name.test': [] } });
    await using receiver = await otlpReceiver();
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
    const server = start(
      [
        ...['ca', 'serve', '--development', '--listen', '127.0.0.1:0', '--output', 'json'],
        ...['--root-certificate', at('dns-root.pem'), '--dns-resolver', bind.address],
      ],
      endpoint,
    );
    await eventually(
      () => server.output.stdout.endsWith('\n'),
      30,
      () => server.output.stderr,
    );
    const { directory } = JSON.parse(server.output.stdout) as { readonly directory: string };
    const { code, stderr } = await obtain('dns', { ...endpoint, RFC2136_SERVER: bind.address }, [
      ...['--server', directory, '--ca-certificate', at('dns-root.pem'), '-c', 'dns-01'],
      ...['--dns-provider', 'rfc2136', '--dns-resolver', bind.address],
    ]);
    expect([code, stderr]).toEqual([0, expect.stringContaining('all names are validated')]);
    server.child.kill('SIGTERM');
    await expect(server.ended).resolves.toBe(0);
    const roots = receiver.spans.filter(({ parent }) => parent === '');
    expect(roots.map(({ name }) => name).sort()).toEqual(['command', 'validate']);
    expect(new Set(roots.map((span) => span.traceId)).size).toBe(2);
    const command = roots.find(({ name }) => name === 'command');
    const tree = treeOf(receiver.spans, command?.spanId ?? '');
    expect(tree.filter((line) => line === '  dns').length).toBeGreaterThan(1);
    expect(receiver.bytes.toString('latin1')).not.toContain('secret-name');
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
url = "file:${at('team')}"
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
    const serving = await servingProgram();
    const serve = (role: 'api' | 'worker') =>
      start(['serve', '--role', role, '--config', at(`${role}.toml`)], variables, serving);
    const [api, worker] = [serve('api'), serve('worker')];
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
    for (const { child } of [api, worker]) child.kill('SIGTERM');
    await expect(Promise.all([api.ended, worker.ended])).resolves.toEqual([0, 0]);
    for (const { output } of [api, worker]) {
      const lines = output.stderr.split('\n').filter((line) => line !== '');
      expect(lines.map((line) => JSON.parse(line) as object)).toContainEqual(
        expect.objectContaining({
          ...{ level: 'info', package: '@acmex/cli', time: expect.any(String) },
          msg: expect.stringMatching(/^SIGTERM: cleaning up/),
        }),
      );
    }
  });
});
