import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDevelopmentAuthority, loadAuthority, noLimits, saveAuthority } from '@acmex/ca';
import { serveAcme } from '@acmex/ca/node';
import { openStorage, readConfig, storageOf } from '@acmex/config';
import { eventually, removeFolder } from '@acmex/services';
import { memoryStorage } from '@acmex/storage';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { acmex, type AcmexOptions } from './terminal.testing.ts';
import { otlpReceiver } from './tracing/otlp-receiver.testing.ts';

let folder: string;
let opened: Server[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-secrets-'));
  opened = [];
});
afterEach(async () => {
  for (const server of opened) server.close();
  await removeFolder(folder);
});
const at = (file: string) => join(folder, file);
const planted = (name: string) => `${name}-${randomBytes(12).toString('hex')}`;

async function listening(server: Server): Promise<number> {
  opened.push(server.unref());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

/** Starts a server that refuses each request, and repeats all of it. @returns its port */
async function echoingHttp(seen: string[]): Promise<number> {
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (piece: string) => {
      body += piece;
    });
    request.on('end', () => {
      const text = `${request.url} ${JSON.stringify(request.headers)} ${body}`;
      seen.push(text);
      const isJson = request.headers.accept?.includes('json') ?? false;
      response
        .writeHead(400, { connection: 'close' })
        .end(isJson ? JSON.stringify({ error: text, detail: text }) : text);
    });
  });
  return await listening(server);
}

/** The same for a protocol of lines. @param answer returns what answers a line */
async function echoingLines(
  seen: string[],
  {
    greeting = '',
    answer,
  }: { readonly greeting?: string; readonly answer: (line: string) => string },
): Promise<number> {
  const server = createTcpServer((socket) => {
    socket.unref().on('error', () => socket.destroy());
    socket.write(greeting);
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const lines = text.split('\r\n');
      text = lines.pop() ?? '';
      for (const line of lines) {
        seen.push(line);
        socket.write(answer(line));
      }
    });
  });
  return await listening(server);
}

/** A CA that refuses each request by POST whose path it is to refuse, and repeats its payload. */
async function echoingCa(seen: string[]) {
  const storage = memoryStorage();
  await saveAuthority(storage, await createDevelopmentAuthority());
  const { issuer, root } = await loadAuthority(storage, { kind: 'development' });
  const server = await serveAcme({
    ...{ storage, issuer, rateLimiter: noLimits() },
    validate: async () => ({ valid: true }),
    onError: () => undefined,
    wrap: (handler) => async (request, connection) => {
      const copy = request.method === 'POST' ? await request.clone().text() : '';
      const payload = /"payload":"([^"]*)"/.exec(copy)?.[1] ?? '';
      const detail = `${Buffer.from(payload, 'base64url').toString()} ${copy}`;
      if (!detail.includes('externalAccountBinding')) return await handler(request, connection);
      seen.push(detail);
      const problem = { type: 'urn:ietf:params:acme:error:malformed', detail };
      const headers = {
        'content-type': 'application/problem+json',
        'replay-nonce': randomBytes(16).toString('base64url'),
      };
      return new Response(JSON.stringify(problem), { status: 400, headers });
    },
  });
  return { directory: server.directory, root, close: server[Symbol.asyncDispose] };
}

/** Returns a piece of each private key in a text: the end of its first line, which differs. */
const keysIn = (text: string) =>
  [...text.matchAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----(?:\\n|\s)+[\w+/]{48}([\w+/]{16})/g)].map(
    ([, key = '']) => key,
  );

/** Returns all files of the test's folder that are not the secrets themselves, as text. */
async function filesOf(): Promise<string> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const secret = new Set(['acmex.toml', 'privkey.pem', 'agent.key']);
  const files = names.filter((entry) => entry.isFile() && !secret.has(entry.name));
  const texts = await Promise.all(
    files.map(async (entry) => await readFile(join(entry.parentPath, entry.name), 'latin1')),
  );
  return texts.join('\n');
}

it('repeats no secret in any output, though every server that it talks to sends back what it got', async () => {
  const secrets = {
    passphrase: planted('passphrase'),
    apiKey: planted('api-key'),
    agentKey: planted('agent-key'),
    eab: Buffer.from(planted('eab-hmac')).toString('base64url'),
    dns: planted('dns-token'),
    webhookSecret: planted('webhook-secret'),
    webhookPath: planted('webhook-path'),
    bearer: planted('bearer'),
    smtp: planted('smtp-password'),
    redis: planted('redis-password'),
    pkcs12: planted('pkcs12'),
  };
  const seen = {
    http: [] as string[],
    smtp: [] as string[],
    ca: [] as string[],
    redis: [] as string[],
  };
  const port = await echoingHttp(seen.http);
  const smtpPort = await echoingLines(seen.smtp, {
    greeting: '220 mail.test\r\n',
    answer: (line) =>
      line.startsWith('EHLO')
        ? '250-mail.test\r\n250 AUTH PLAIN LOGIN\r\n'
        : `535 ${line} ${Buffer.from(line.split(' ').at(-1) ?? '', 'base64')
            .toString()
            .replaceAll('\0', ' ')}\r\n`,
  });
  const all: string[] = [];
  const redisPort = await echoingLines(seen.redis, {
    answer: (line) =>
      /^[*$]/.test(line) ? '' : `-ERR you said ${line} ${seen.redis.join(' ')}\r\n`,
  });
  const ca = await echoingCa(seen.ca);
  await using receiver = await otlpReceiver();
  await writeFile(at('root.pem'), ca.root);
  await writeFile(at('agent.key'), secrets.agentKey, { mode: 0o600 });
  const configuration = `
[acme]
ca = "custom"
ca_custom_url = "${ca.directory}"
ca_certificate = "${at('root.pem')}"
tos_agreed = true
[issuers.bound]
directory = "${ca.directory}"
ca_certificate = "${at('root.pem')}"
tos_agreed = true
external_account_binding = { key_id = "kid", hmac_key = "${secrets.eab}" }
[storage.file]
path = "${at('data')}"
[storage.encrypted]
passphrase = "${secrets.passphrase}"
[audit]
enabled = true
[server]
api_keys = ["${secrets.apiKey}"]
[challenge.http01]
listen_addr = "127.0.0.1:0"
[[challenge.dns01.providers]]
name = "dns"
type = "powerdns"
url = "http://127.0.0.1:${port}"
api_key = "${secrets.dns}"
[[certificates]]
names = ["obtained.test"]
deploy = [{ directory = "${at('deployed')}" }, { format = "pkcs12", path = "${at('deployed.p12')}", passphrase_env = "P12" }]
hooks = { deploy = ["/bin/sh", "-c", "cat \\"$ACMEX_KEY_PATH\\" >&2; cat ${at('deployed/privkey.pem')} >&2; echo $P12 >&2; exit 1"] }
[[certificates]]
names = ["dns.test"]
challenge = "dns-01"
dns_provider = "dns"
[[certificates]]
names = ["bound.test"]
issuer = "bound"
[notifications]
allow = ["127.0.0.0/8"]
[[notifications.webhooks]]
name = "hook"
url = "http://127.0.0.1:${port}/hooks/${secrets.webhookPath}"
secret = "${secrets.webhookSecret}"
auth_token = "${secrets.bearer}"
allow_http = true
[[notifications.email]]
smtp_host = "127.0.0.1"
smtp_port = ${smtpPort}
tls = "none"
from = "acmex@example.com"
to = ["ops@example.com"]
username = "acmex"
password = "${secrets.smtp}"
`;
  await writeFile(at('acmex.toml'), configuration, { mode: 0o600 });
  const traces = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
  Object.assign(process.env, traces);
  const run = async (args: readonly string[], options: AcmexOptions = {}) => {
    const env = { PATH: process.env.PATH, HOME: folder, P12: secrets.pkcs12, ...traces };
    const { code, stdout, stderr } = await acmex(args, { ...options, env });
    all.push(`# ${args.slice(0, 2).join(' ')}\n${stdout}${stderr}`);
    return { code, stdout, stderr };
  };
  const configured = ['--config', at('acmex.toml')];
  const stop = new AbortController();
  let log = '';
  const daemon = run(['daemon', '--log-level', 'debug', ...configured], {
    signal: stop.signal,
    onStderr: (text) => {
      log += text;
    },
  });
  const isDone = () =>
    [/issued, not deployed/, /ERR_DNS/, /externalAccountBinding|ERR_ACME/].every((outcome) =>
      outcome.test(log),
    ) &&
    seen.http.some((text) => text.includes(secrets.webhookPath)) &&
    seen.smtp.some((line) => line.startsWith('AUTH'));
  await eventually(isDone);
  stop.abort();
  await daemon;
  for (const command of [
    'renew --all --metrics-file ' + at('acmex.prom'),
    'notify test',
    'notify list -o json',
    'order list -o json',
    `audit export ${at('audit.jsonl')}`,
    'config show',
  ])
    await run([...command.split(' '), ...configured]);
  await run([
    ...['agent', '--once', '--server', `http://127.0.0.1:${port}`, '--key-file', at('agent.key')],
    ...['--directory', at('agent')],
  ]);
  await run(['cert', 'list', '--storage', `redis://:${secrets.redis}@127.0.0.1:${redisPort}`]);
  await ca.close();
  // Each secret has been used: what repeats nothing because it sends nothing proves nothing.
  const sent = JSON.stringify(seen);
  for (const name of ['agentKey', 'dns', 'webhookPath', 'bearer', 'redis'] as const)
    expect([name, sent.includes(secrets[name])]).toEqual([name, true]);
  expect(sent).toContain(Buffer.from(`\0acmex\0${secrets.smtp}`).toString('base64'));
  const config = await readConfig({
    cwd: folder,
    home: folder,
    file: at('acmex.toml'),
    environment: {},
  });
  await using storage = await openStorage(storageOf(config), {
    directory: folder,
    onNotice: () => undefined,
  });
  const records: string[] = [];
  for await (const { value } of storage.list('')) records.push(Buffer.from(value).toString());
  const privateKeys = keysIn(records.join('\n'));
  expect(privateKeys.length).toBeGreaterThan(1);
  const outputs = {
    programs: all.join('\n'),
    files: await filesOf(),
    traces: receiver.bytes.toString('latin1'),
    notifications: seen.http.map((text) => text.replace(/^.*?\} /, '')).join('\n'),
  };
  const repeated = Object.entries<string>({
    ...secrets,
    ...Object.fromEntries(privateKeys.entries()),
  }).flatMap(([name, secret]) =>
    [secret, Buffer.from(secret).toString('base64')].flatMap((form) =>
      Object.entries(outputs).flatMap(([output, text]) =>
        text.includes(form)
          ? [
              `${name} in ${output}: ${text.slice(Math.max(0, text.indexOf(form) - 300), text.indexOf(form) + 60)}`,
            ]
          : [],
      ),
    ),
  );
  expect(repeated).toEqual([]);
  expect(outputs.traces.length).toBeGreaterThan(0);
}, 90_000);
