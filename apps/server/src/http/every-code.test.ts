import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { request as plainRequest } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@acmex/clock';
import { createDevelopmentAuthority, saveAuthority } from '@acmex/ca';
import type { Storage } from '@acmex/storage';
import { fileStorage } from '@acmex/storage-file';
import { eventually, freePort, removeFolder } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type Call,
  type Serving,
  serving,
  startCa,
  tenantKey,
  type TestCa,
} from '../serving.testing.ts';
import { answerableErrors } from './problem.ts';

const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;
const senderSecret = newSecret();
const toml = `
trusted_proxies = ["127.0.0.1"]
[[server.webhooks]]
name = "ci"
secret = "${senderSecret}"
[tenants.default]
names = ["*"]
[tenants.small]
names = ["*.small.test"]
issuers = ["custom"]
max_certificates = 1
`;
const absent = 'ord_01kax2b0000000000000000000';

/** Also has the CA: its server has both. */
let caStorage: Storage;
let ca: TestCa;
/** A CA with terms of service. */
let strict: TestCa;
let folder = '';
let server: Serving;
let smallKey = '';
/** A server without a CA. */
let bare: Serving | undefined;
const ids = { issued: '', watched: '' };
/** An issuer whose credential is missing at first, and one whose terms no one has agreed to. */
const bound = () => `
[issuers.strict]
directory = "${strict.directory}"
ca_certificate = "${folder}/strict.pem"
[issuers.bound]
directory = "${ca.directory}"
ca_certificate = "${folder}/root.pem"
tos_agreed = true
external_account_binding = { key_id = "kid", hmac_key = { file = "${folder}/hmac.key" } }
[[certificates]]
names = ["placed.test"]
deploy = [{ directory = "${folder}/my big server/root.pem/placed" }]
`;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-codes-'));
  const serverFolder = join(folder, 'my big server');
  await mkdir(serverFolder);
  caStorage = fileStorage({ path: join(serverFolder, 'data') });
  ca = await startCa({ storage: caStorage });
  strict = await startCa({ termsOfService: 'https://ca.test/terms' });
  await writeFile(join(folder, 'root.pem'), ca.root);
  await writeFile(join(folder, 'strict.pem'), strict.root);
  server = await serving({ ca, toml: toml + bound(), folder: serverFolder });
  smallKey = await tenantKey(server, 'small');
  ca.refused.add('never.test');
  ids.issued = await issued({ names: ['issued.test'] });
  ids.watched = await orderOf(['never.test']);
});
afterAll(async () => {
  endStreams();
  await server[Symbol.asyncDispose]();
  await ca[Symbol.asyncDispose]();
  await strict[Symbol.asyncDispose]();
  await caStorage[Symbol.asyncDispose]();
  await removeFolder(folder);
});

/** An answer; or the error of a server that does not start, without a status. */
interface Outcome {
  readonly status?: number;
  readonly text: string;
  readonly headers: Headers;
}
/** How a code comes about, seen from outside, and how its cure ends it. */
interface Case {
  /** What the detail names, so that its reader knows what it is about. */
  readonly subject: string | RegExp;
  readonly provoke: () => Promise<Outcome>;
  /** Does what the cure says. */
  readonly cure: () => Promise<Outcome>;
}

const call = async (method: string, path: string, more: Call = {}): Promise<Outcome> =>
  await server.call(method, path, more);
const order = async (names: readonly string[], more: Call = {}) =>
  await call('POST', '/api/orders', { body: { names }, ...more });
const orderOf = async (names: readonly string[]) =>
  String((await server.call('POST', '/api/orders', { body: { names } })).body.id);
const issued = async (body: object) => {
  const created = await server.call('POST', '/api/orders', { body });
  await call('GET', `/api/orders/${created.body.id}/events`);
  return String(created.body.certificate);
};
const withKey = async (rights: object) => ({ key: await server.makeKey(rights) });
const keyRequest = (key: string) => ({
  body: { scopes: ['keys:read'] },
  headers: { 'idempotency-key': key },
});
const signInOver = async (protocol: string) =>
  await call('POST', '/api/session', {
    body: { key: server.key },
    headers: { 'x-forwarded-for': '192.0.2.8', 'x-forwarded-proto': protocol },
  });
const makeKeyInSession = async (token?: string) => {
  const { headers, body } = await server.call('POST', '/api/session', {
    body: { key: server.key },
  });
  const cookie = headers.get('set-cookie')!.split(';')[0]!;
  return await call('POST', '/api/keys', {
    key: '',
    body: { scopes: ['keys:read'] },
    headers: { cookie, ...(token === undefined ? {} : { 'x-csrf-token': String(body.csrf) }) },
  });
};
const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });
/** `/health` under this name of the server. */
const healthAt = async (host: string) => {
  const { port } = new URL(server.url);
  const request = plainRequest({ host: '127.0.0.1', port, path: '/health', headers: { host } });
  request.end();
  const [response] = await once(request, 'response');
  const text = Buffer.concat(await response.toArray()).toString();
  return { status: Number(response.statusCode), text, headers: new Headers() };
};
const webhook = async (secret: string) => {
  const [body, time] = ['{"event":"ping"}', Math.floor(systemClock.now().epochMilliseconds / 1000)];
  const signature = createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
    .update(`msg_1.${time}.${body}`)
    .digest('base64');
  const headers = {
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(time),
    'webhook-signature': `v1,${signature}`,
  };
  return await call('POST', '/api/webhook', { key: '', body, headers });
};
/** With their responses: the stream of a response that is garbage-collected ends. */
const streams: { readonly controller: AbortController; readonly response: Response }[] = [];
const watch = async (): Promise<Outcome> => {
  const controller = new AbortController();
  const response = await server.fetch(`/api/orders/${ids.watched}/events`, {
    headers: { 'x-api-key': server.key },
    signal: controller.signal,
  });
  const { status, headers } = response;
  if (status === 200) streams.push({ controller, response });
  return { status, headers, text: status === 200 ? '' : await response.text() };
};
const endStreams = () => {
  for (const { controller } of streams.splice(0)) controller.abort();
};
/** Reads a certificate while its record is not as the server wrote it. */
const readDamaged = async (damage: (file: string, content: Buffer) => Promise<unknown>) => {
  const all = await readdir(join(server.folder, 'data/certificate'), { recursive: true });
  const path = all.find((name) => name.endsWith(`${ids.issued}=`)) ?? '';
  const file = join(server.folder, 'data/certificate', path);
  const content = await readFile(file);
  await rm(file);
  await damage(file, content);
  const outcome = await readAgain();
  await rm(join(server.folder, 'data/certificate', path), { recursive: true });
  await writeFile(file, content, { mode: 0o600 });
  return outcome;
};
const readAgain = async () => await call('GET', `/api/certificates/${ids.issued}`);
/** Starts a server, and ends it. */
const start = async (text: string, environment: Readonly<Record<string, string>> = {}) => {
  try {
    await using started = await serving({ toml: text, environment });
    const { hostname, port } = new URL(started.url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.destroy();
    return { status: 200, headers: new Headers(), text: '' };
  } catch (error) {
    const { code, message: detail, cure } = error as Readonly<Record<string, string>>;
    return { text: JSON.stringify({ code, detail, cure }), headers: new Headers() };
  }
};
/** What the CA answers every request for an account. */
const registerAt = async (refusal?: string) => {
  ca.refusal = refusal;
  const outcome = await call('POST', '/api/accounts', { body: {} });
  ca.refusal = undefined;
  return outcome;
};
const tls = () =>
  `[server.tls]\ncertificate = "${folder}/served.pem"\nkey = "${folder}/served.key"`;
const listenOn = (address: string) => ({ ACMEX_SERVER_LISTEN_ADDR: address });

const cases: Readonly<Record<string, Case>> = {
  ERR_SERVER_UNAUTHENTICATED: {
    subject: /^GET \/api\/orders needs/,
    provoke: async () => await call('GET', '/api/orders', { key: '' }),
    cure: async () => await call('GET', '/api/orders'),
  },
  ERR_SERVER_FORBIDDEN: {
    subject: /^GET \/api\/orders needs the scope orders:read, which key_\w+ /,
    provoke: async () => await call('GET', '/api/orders', await withKey({ scopes: ['keys:read'] })),
    cure: async () => await call('GET', '/api/orders', await withKey({ scopes: ['orders:read'] })),
  },
  ERR_SERVER_NAMES: {
    subject: 'y.test',
    provoke: async () =>
      await order(['y.test'], await withKey({ scopes: ['orders:write'], names: ['x.test'] })),
    cure: async () =>
      await order(['y.test'], await withKey({ scopes: ['orders:write'], names: ['y.test'] })),
  },
  ERR_SERVER_CSRF: {
    subject: /^POST \/api\/keys needs the header X-CSRF-Token/,
    provoke: async () => await makeKeyInSession(),
    cure: async () => await makeKeyInSession('with the token'),
  },
  ERR_SERVER_CLEAR_SESSION: {
    subject: /^POST \/api\/session came over http from 192\.0\.2\.8/,
    provoke: async () => await signInOver('http'),
    cure: async () => await signInOver('https'),
  },
  ERR_SERVER_WIDER_KEY: {
    subject: /^key_\w+ cannot make or change a key with the scope orders:read/,
    provoke: async () =>
      await call('POST', '/api/keys', {
        ...(await withKey({ scopes: ['keys:write'] })),
        body: { scopes: ['orders:read'] },
      }),
    cure: async () =>
      await call('POST', '/api/keys', {
        ...(await withKey({ scopes: ['keys:write'] })),
        body: { scopes: ['keys:write'] },
      }),
  },
  ERR_SERVER_THROTTLED: {
    subject: '192.0.2.7',
    async provoke() {
      let outcome = await call('GET', '/api/orders', { key: 'wrong', ...from('192.0.2.7') });
      for (let failures = 1; failures < 20 && outcome.status !== 429; failures += 1)
        outcome = await call('GET', '/api/orders', { key: 'wrong', ...from('192.0.2.7') });
      return outcome;
    },
    cure: async () => await call('GET', '/api/orders', from('192.0.2.7')),
  },
  ERR_SERVER_QUOTA: {
    subject: 'the tenant small',
    async provoke() {
      await order(['a.small.test'], { key: smallKey });
      return await order(['b.small.test'], { key: smallKey });
    },
    async cure() {
      const { body } = await server.call('GET', '/api/certificates', { key: smallKey });
      for (const { id } of body.items)
        await call('DELETE', `/api/certificates/${id}`, { key: smallKey });
      return await order(['b.small.test'], { key: smallKey });
    },
  },
  ERR_SERVER_BUSY: {
    subject: 'the tenant default',
    async provoke() {
      await Promise.all(Array.from({ length: 200 }, watch));
      return await watch();
    },
    async cure() {
      const withoutWaiting = await call('GET', `/api/orders/${ids.watched}`);
      expect(withoutWaiting.status).toBe(200);
      const health = await server.fetch('/health');
      await health.text();
      endStreams();
      // The server sees the end of a stream when its connection has closed.
      for (;;) {
        const later = await watch();
        if (later.status !== 503) return later;
      }
    },
  },
  ERR_SERVER_NOT_FOUND: {
    subject: 'GET /api/certificate',
    provoke: async () => await call('GET', '/api/certificate'),
    async cure() {
      const { text } = await call('GET', '/docs');
      expect(text).toContain('/api/certificates');
      return await call('GET', '/api/certificates');
    },
  },
  ERR_SERVER_REQUEST: {
    subject: 'GET /api/orders',
    provoke: async () => await call('GET', '/api/orders?unknown=1'),
    cure: async () => await call('GET', '/api/orders?limit=1'),
  },
  ERR_SERVER_JSON: {
    subject: 'the body of POST /api/orders',
    provoke: async () => await call('POST', '/api/orders', { body: '{"names":' }),
    cure: async () => await call('POST', '/api/orders', { body: '{"names":["ok.test"]}' }),
  },
  ERR_SERVER_BODY: {
    subject: /the body is not what POST \/api\/orders takes: \/names /,
    provoke: async () => await call('POST', '/api/orders', { body: { names: 'ok.test' } }),
    cure: async () => await order(['ok.test']),
  },
  ERR_SERVER_TOO_LARGE: {
    subject: 'POST /api/orders',
    provoke: async () => await order(Array.from({ length: 9000 }, () => 'ok.test')),
    cure: async () => await order(['ok.test']),
  },
  ERR_SERVER_MEDIA_TYPE: {
    subject: 'POST /api/orders',
    provoke: async () =>
      await call('POST', '/api/orders', { body: '<a/>', headers: { 'content-type': 'text/xml' } }),
    cure: async () => await order(['ok.test']),
  },
  ERR_SERVER_HOST: {
    subject: 'acmex.example',
    provoke: async () => await healthAt('acmex.example'),
    async cure() {
      await server.reload(`hosts = ["acmex.example"]${toml}${bound()}`);
      return await healthAt('acmex.example');
    },
  },
  ERR_SERVER_IDEMPOTENCY: {
    subject: '"again"',
    async provoke() {
      await order(['ok.test'], { headers: { 'idempotency-key': 'again' } });
      return await order(['y.test'], { headers: { 'idempotency-key': 'again' } });
    },
    cure: async () => await order(['y.test'], { headers: { 'idempotency-key': 'new' } }),
  },
  ERR_SERVER_SECRET_ONCE: {
    subject: '"make"',
    async provoke() {
      await call('POST', '/api/keys', keyRequest('make'));
      return await call('POST', '/api/keys', keyRequest('make'));
    },
    cure: async () => await call('POST', '/api/keys', keyRequest('make-another')),
  },
  ERR_SERVER_SIGNATURE: {
    subject: 'the webhook msg_1',
    provoke: async () => await webhook(newSecret()),
    cure: async () => await webhook(senderSecret),
  },
  ERR_SERVER_UNAVAILABLE: {
    subject: /^GET \/api\/certificates\/crt_/,
    provoke: async () => await readDamaged(async (file) => await symlink('/dev/null', file)),
    cure: readAgain,
  },
  ERR_SERVER_INTERNAL: {
    subject: /^POST \/api\/accounts: .* flt_/,
    provoke: async () => await call('POST', '/api/accounts', { body: { issuer: 'bound' } }),
    async cure() {
      expect(server.log.filter((line) => /"instance":"flt_/.test(line))).toEqual([
        expect.stringContaining('hmac.key'),
      ]);
      await writeFile(join(folder, 'hmac.key'), randomBytes(32).toString('base64url'), {
        mode: 0o600,
      });
      // The CA knows no such external account: it was asked.
      await expect(
        call('POST', '/api/accounts', { body: { issuer: 'bound' } }),
      ).resolves.toMatchObject({
        body: { code: 'ERR_ACME_UNAUTHORIZED' },
      });
      return await registerAt();
    },
  },
  ERR_MANAGER_ISSUER: {
    subject: 'ca_certificate',
    async provoke() {
      await rm(join(server.folder, 'root.pem'));
      return await registerAt();
    },
    async cure() {
      await writeFile(join(server.folder, 'root.pem'), ca.root);
      return await registerAt();
    },
  },
  ERR_MANAGER_TERMS: {
    subject: /https:\/\/ca\.test\/terms.* tosAgreed /,
    provoke: async () => await call('POST', '/api/accounts', { body: { issuer: 'strict' } }),
    cure: async () =>
      await call('POST', '/api/accounts', { body: { issuer: 'strict', tosAgreed: true } }),
  },
  ERR_SERVER_EXPOSED: {
    subject: '0.0.0.0:',
    provoke: async () => await start('', listenOn(`0.0.0.0:${await freePort()}`)),
    cure: async () =>
      await start('trusted_proxies = ["127.0.0.1"]', listenOn(`0.0.0.0:${await freePort()}`)),
  },
  ERR_SERVER_API_KEY: {
    subject: 'server.api_keys[0]',
    provoke: async () => await start(`api_keys = ["${'0123456789abcdef'.repeat(2)}"]`),
    cure: async () => await start(`api_keys = ["${randomBytes(32).toString('hex')}"]`),
  },
  ERR_SERVER_WEBHOOK_SECRET: {
    subject: 'server.webhooks[0].secret',
    provoke: async () => await start('[[server.webhooks]]\nname = "ci"\nsecret = "whsec_"'),
    cure: async () => await start(`[[server.webhooks]]\nname = "ci"\nsecret = "${newSecret()}"`),
  },
  ERR_SERVER_LISTEN: {
    subject: /^127\.0\.0\.1:\d+ /,
    async provoke() {
      const program = createServer().listen(0, '127.0.0.1');
      await once(program, 'listening');
      const { port } = program.address() as AddressInfo;
      const outcome = await start('', listenOn(`127.0.0.1:${port}`));
      program.close();
      return outcome;
    },
    cure: async () => await start('', listenOn(`127.0.0.1:${await freePort()}`)),
  },
  ERR_SERVER_TLS: {
    subject: 'served.key',
    async provoke() {
      const { text } = await call('GET', `/api/certificates/${ids.issued}/chain`);
      await writeFile(join(folder, 'served.pem'), text);
      await writeFile(join(folder, 'served.key'), '');
      return await start(tls());
    },
    async cure() {
      const { text } = await call('GET', `/api/certificates/${ids.issued}/private-key`);
      await writeFile(join(folder, 'served.key'), text);
      return await start(tls());
    },
  },
  ERR_ACME_IDENTIFIER: {
    subject: 'two words',
    provoke: async () => await order(['two words']),
    cure: async () => await order(['two-words.test']),
  },
  ERR_ORCHESTRATOR_NOT_FOUND: {
    subject: absent,
    provoke: async () => await call('GET', `/api/orders/${absent}`),
    async cure() {
      const { body } = await server.call('GET', '/api/orders');
      return await call('GET', `/api/orders/${body.items[0].id}`);
    },
  },
  ERR_ORCHESTRATOR_INPUT: {
    subject: 'there is no chain Unknown',
    provoke: async () => await call('GET', `/api/certificates/${ids.issued}/chain?chain=Unknown`),
    cure: async () => await call('GET', `/api/certificates/${ids.issued}/chain?chain=1`),
  },
  ERR_ORCHESTRATOR_PAUSED: {
    subject: 'issued.test',
    async provoke() {
      await call('PATCH', `/api/certificates/${ids.issued}`, { body: { paused: true } });
      return await call('POST', `/api/certificates/${ids.issued}/renew`);
    },
    async cure() {
      await call('PATCH', `/api/certificates/${ids.issued}`, { body: { paused: false } });
      return await call('POST', `/api/certificates/${ids.issued}/renew`);
    },
  },
  ERR_BUNDLE_PASSPHRASE: {
    subject: 'the format pkcs12',
    provoke: async () => await call('GET', `/api/certificates/${ids.issued}/bundle?format=pkcs12`),
    cure: async () =>
      await call('GET', `/api/certificates/${ids.issued}/bundle?format=pkcs12`, {
        headers: { 'acmex-passphrase': 'correct horse' },
      }),
  },
  ERR_CA_MISSING: {
    subject: "the server's storage holds no CA",
    async provoke() {
      bare = await serving();
      return await bare.call('GET', '/api/ca/certificates');
    },
    async cure() {
      await using storage = fileStorage({ path: join(bare!.folder, 'data') });
      await saveAuthority(storage, await createDevelopmentAuthority());
      const outcome = await bare!.call('GET', '/api/ca/certificates');
      await bare![Symbol.asyncDispose]();
      return outcome;
    },
  },
  ERR_CA_NO_CERTIFICATE: {
    subject: 'serial number ab12',
    provoke: async () => await call('GET', '/api/ca/certificates/ab12'),
    cure: async () => await call('GET', '/api/ca/certificates'),
  },
  ERR_CA_REVOKED: {
    subject: 'was revoked at',
    async provoke() {
      const { body } = await server.call('GET', '/api/ca/certificates');
      const path = `/api/ca/certificates/${body.items[0].serialNumber}/revoke`;
      await call('POST', path, { body: { reason: 'superseded' } });
      return await call('POST', path, { body: { reason: 'superseded' } });
    },
    cure: async () => await call('GET', '/api/ca/certificates?status=revoked'),
  },
  ERR_CA_EXTERNAL_ACCOUNT: {
    subject: 'eab_01kax2b0000000000000000000',
    provoke: async () =>
      await call('DELETE', '/api/ca/external-accounts/eab_01kax2b0000000000000000000'),
    async cure() {
      const { body } = await server.call('POST', '/api/ca/external-accounts', { body: {} });
      return await call('DELETE', `/api/ca/external-accounts/${body.id}`);
    },
  },
  ERR_STORAGE_CORRUPT: {
    subject: /^certificate\/\S+crt_/,
    provoke: async () =>
      await readDamaged(async (file, content) => await writeFile(file, content.subarray(0, 40))),
    cure: readAgain,
  },
};
/** The types of RFC 8555 §6.7 and its extensions, and one that no RFC names. */
const problemTypes = [
  ...['alreadyRevoked', 'alreadyReplaced', 'badCSR', 'badNonce', 'badPublicKey'],
  ...['badRevocationReason', 'badSignatureAlgorithm', 'caa', 'compound', 'connection', 'dns'],
  ...['externalAccountRequired', 'incorrectResponse', 'invalidContact', 'invalidProfile'],
  ...['malformed', 'orderNotReady', 'rateLimited', 'rejectedIdentifier', 'serverInternal', 'tls'],
  ...['unauthorized', 'unsupportedContact', 'unsupportedIdentifier', 'userActionRequired'],
  ...['accountDoesNotExist', 'problem'],
];
const codeOf = (type: string) =>
  type === 'tls'
    ? 'ERR_ACME_TLS_CHALLENGE'
    : `ERR_ACME_${type.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()}`;

/** Codes that no request and no start of a server alone can bring about here. */
const elsewhere: Readonly<Record<string, readonly string[]>> = {
  'processes that share a Redis, in team/secrets.system.test.ts': [
    ...['ERR_SERVER_ROLE', 'ERR_SERVER_CLEAR_KEYS'],
  ],
  'a sign-in at a provider, in sessions/oidc-sign-in.test.ts': [
    ...['ERR_SERVER_SIGN_IN_STATE', 'ERR_SERVER_SIGN_IN_DENIED'],
    ...['ERR_SERVER_SIGN_IN_FAILED', 'ERR_SERVER_SIGN_IN_RIGHTS'],
  ],
  'a package that is not installed': ['ERR_SERVER_PACKAGE'],
  'a record that others change for half a minute, in problem.test.ts': ['ERR_SERVER_CONFLICT'],
  'a log that was changed, in audit/audit-log.test.ts': [
    ...['ERR_AUDIT_CHECKPOINT', 'ERR_AUDIT_DAMAGED'],
  ],
  'a checkpoint that waits, which is logged, in configured-audit.test.ts': ['ERR_AUDIT_SEND'],
  'the command line, which names tenants': ['ERR_SERVER_TENANT'],
  'a key in a device, in certificates/device-keys.test.ts': ['ERR_KEY_NOT_EXPORTABLE'],
  'a storage of a newer version, in damaged-records.test.ts': ['ERR_STORAGE_NEWER'],
  'a fault of AcmeX: schemas check what is stored, and locks are renewed': [
    ...['ERR_STORAGE_INPUT', 'ERR_STORAGE_LOCK_LOST'],
  ],
  'the CA and the network, in the tests of @acmex/protocol': [
    ...['ERR_ACME_ANSWER', 'ERR_ACME_ANSWER_LOST', 'ERR_ACME_ANSWER_TOO_LARGE'],
    ...['ERR_ACME_NOT_ACME', 'ERR_ACME_NO_NONCE', 'ERR_ACME_PROXY', 'ERR_ACME_STATUS'],
    ...['ERR_ACME_TIMEOUT', 'ERR_ACME_TLS', 'ERR_ACME_UNREACHABLE', 'ERR_ACME_UNSUPPORTED'],
  ],
  'acmex.toml, in the tests of @acmex/manager and @acmex/config': [
    ...['ERR_ACME_KEY', 'ERR_ACME_KEY_PASSPHRASE', 'ERR_ACME_URL'],
    ...['ERR_CONFIG_DEPLOY', 'ERR_CONFIG_PROOF'],
    ...['ERR_MANAGER_CHALLENGE', 'ERR_MANAGER_EXTERNAL_ACCOUNT'],
    ...['ERR_MANAGER_MUST_STAPLE', 'ERR_ORCHESTRATOR_ISSUER'],
    ...['ERR_SIGNER_KEY', 'ERR_SIGNER_REFERENCE'],
  ],
  'acmex ca, in the tests of @acmex/ca': [
    ...['ERR_CA_ADMIN_KEY', 'ERR_CA_CERTIFICATE', 'ERR_CA_CHALLENGE', 'ERR_CA_CONSTRAINTS'],
    ...['ERR_CA_DEVELOPMENT', 'ERR_CA_EXISTS', 'ERR_CA_IN_USE', 'ERR_CA_KEY', 'ERR_CA_NAME'],
    ...['ERR_CA_PASSPHRASE', 'ERR_CA_PROFILE', 'ERR_CA_REVOCATION_REASON', 'ERR_CA_URL'],
    ...['ERR_CA_WINDOW'],
  ],
  'the work on an order, whose failure the order shows': [
    'ERR_MANAGER_RECORDS_NOT_SET',
    ...['ERR_ACME_POLL_LIMIT', 'ERR_CERTIFICATE_CA', 'ERR_CERTIFICATE_CHAIN'],
    ...['ERR_CERTIFICATE_KEY', 'ERR_CERTIFICATE_NAMES', 'ERR_CERTIFICATE_PURPOSE'],
    ...['ERR_CERTIFICATE_VALIDITY', 'ERR_ORCHESTRATOR_CANCELLED', 'ERR_ORCHESTRATOR_DUE_AT_ONCE'],
    ...['ERR_ORCHESTRATOR_BUDGET', 'ERR_ORCHESTRATOR_HELD'],
    ...[
      'ERR_ORCHESTRATOR_ACTION_REQUIRED',
      'ERR_ORCHESTRATOR_CA_UNAVAILABLE',
      'ERR_ORCHESTRATOR_COVERS_LESS',
    ],
    'ERR_ORCHESTRATOR_KEY_COMPROMISED',
  ],
  'files, which no route takes': [
    ...['ERR_BUNDLE_FORMAT', 'ERR_BUNDLE_INCOMPLETE', 'ERR_BUNDLE_KEY', 'ERR_BUNDLE_SEVERAL'],
    ...['ERR_CERTIFICATE_FORMAT', 'ERR_CERTIFICATE_LOG_LIST', 'ERR_CERTIFICATE_SCT'],
    ...['ERR_CSR_FORMAT', 'ERR_CSR_NAMES', 'ERR_KEYSTORE_ALGORITHM', 'ERR_KEYSTORE_FORMAT'],
    ...['ERR_KEYSTORE_ITERATIONS', 'ERR_KEYSTORE_MAC', 'ERR_KEYSTORE_PASSPHRASE'],
    ...['ERR_KEYSTORE_PASSPHRASE_MISSING', 'ERR_KEY_CIPHER', 'ERR_KEY_FORMAT'],
    ...['ERR_KEY_NOT_PRIVATE', 'ERR_KEY_PASSPHRASE', 'ERR_KEY_PASSPHRASE_MISSING'],
    ...['ERR_KEY_TYPE'],
  ],
};

/** Throws unless an error has code, subject, meaning and cure, and nothing else of the server. */
function assertClear(code: string, subject: Case['subject'], outcome: Outcome): void {
  const { status, text, headers } = outcome;
  const { code: actual, detail, cure, title } = JSON.parse(text);
  const isNamed =
    typeof subject === 'string' ? expect.stringContaining(subject) : expect.stringMatching(subject);
  expect([actual, detail]).toEqual([code, isNamed]);
  const row = answerableErrors.get(code)!;
  expect(cure).toBe(row.cure);
  if (status !== undefined) expect([status, title]).toEqual([row.http, row.meaning]);
  expect(text).not.toMatch(/\n\s+at |\.ts:\d|node_modules/);
  for (const secret of [server.key, smallKey, senderSecret, senderSecret.slice(6)])
    expect(text).not.toContain(secret);
  if (status !== undefined) assertNoPath(text);
  if (/Retry-After/.test(row.cure) || status === 503)
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
}

/** Throws where an answer has a path of the server's file system. */
function assertNoPath(text: string): void {
  for (const path of [folder, 'big server', tmpdir(), process.cwd()])
    expect(text).not.toContain(path);
}

describe('every error code of an answer', () => {
  it('is provoked here, or is known to come about elsewhere', () => {
    const all = [...answerableErrors.keys()].sort();
    const here = [...Object.keys(cases), ...problemTypes.map(codeOf)];
    expect([...here, ...Object.values(elsewhere).flat()].sort()).toEqual(all);
  });

  it.each(Object.entries(cases))(
    '%s names its subject and its cure, no stack and no secret, and is gone after its cure',
    async (code, { subject, provoke, cure }) => {
      assertClear(code, subject, await provoke());
      const { status, text } = await cure();
      expect([status !== undefined && status < 400, text]).toEqual([true, text]);
    },
  );

  it('names no path of the server where a certificate cannot be deployed, but in the log', async () => {
    const path = '/api/certificates?name=placed.test';
    const placed = async () => (await server.call('GET', path)).body.items[0];
    await eventually(async () => (await placed())?.failure !== undefined);
    const { failure, order: id } = await placed();
    expect(failure).toMatchObject({
      code: 'ERR_DEPLOY_FILE',
      message: expect.stringContaining('[path]'),
    });
    for (const route of ['certificates', 'events?limit=1000', 'orders', `orders/${id}`, 'queue'])
      assertNoPath((await call('GET', `/api/${route}`)).text);
    expect(server.log.join('\n')).toContain(`${server.folder}/root.pem/placed cannot be written`);
  });

  it('names the CA and its answer where the CA refuses', async () => {
    for (const type of problemTypes)
      assertClear(codeOf(type), 'the CA custom', await registerAt(type));
    await expect(registerAt()).resolves.toMatchObject({ status: 201 });
  });
});
