import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createDevelopmentAuthority,
  loadAuthority,
  networkValidator,
  noLimits,
  saveAuthority,
  validationResolver,
} from '@acmex/ca';
import { disorderedChains, withFaults } from '@acmex/ca/faults';
import { serveAcme, type ServeAcmeOptions } from '@acmex/ca/node';
import { type DurationInput, milliseconds, type SleepOptions, systemClock } from '@acmex/clock';
import { addressPolicy } from '@acmex/egress';
import { freePort, removeFolder } from '@acmex/services';
import { memoryStorage, scopedStorage, type Storage } from '@acmex/storage';
import { fileStorage } from '@acmex/storage-file';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { KeyStore } from './access/key-store.ts';
import { scopes } from './access/scopes.ts';
import { apiDescription } from './api-description.ts';
import type { Operation } from './http/open-api.ts';
import { serve, type ServeOptions } from './serve.ts';

/** A CA that validates names by http-01 on a port of this machine. */
export interface TestCa extends AsyncDisposable {
  readonly directory: string;
  /** PEM */
  readonly root: string;
  readonly httpPort: number;
  /** What it does not validate from now on. */
  readonly refused: Set<string>;
  /** How often each path was asked for by POST. */
  readonly posts: ReadonlyMap<string, number>;
  /** How many requests it has had, by whatever method. */
  readonly requests: number;
  /** Milliseconds that it takes to begin with a finalization, from now on. */
  slowness: number;
  /** Seconds that it wants to be left alone for, from now on. */
  busy: number | undefined;
  /** The type of the problem (RFC 8555 §6.7) that answers every POST, from now on. */
  refusal: string | undefined;
  /** Changes the chains that it sends, from now on. */
  arrange: (chain: readonly string[]) => readonly string[];
}

/**
 * @param options `repositoryUrl`: the base of the URLs of OCSP and of the revocation list that
 * certificates name; nothing of the CA answers there. `alternatesOf`: which further chains it
 * offers for a chain; none by default. `nameServer`: `address:port`, where it looks for TXT records.
 * `storage`: where it has everything; in memory by default. `meta`: what its directory says besides
 */
export async function startCa({
  repositoryUrl,
  alternatesOf = () => [],
  termsOfService,
  nameServer,
  storage = memoryStorage(),
  meta = {},
}: {
  readonly meta?: Pick<ServeAcmeOptions, 'caaIdentities' | 'profiles'>;
  readonly storage?: Storage;
  readonly termsOfService?: string;
  readonly nameServer?: string;
  readonly repositoryUrl?: string;
  readonly alternatesOf?: (chain: string, root: string) => readonly string[];
} = {}): Promise<TestCa> {
  await saveAuthority(storage, await createDevelopmentAuthority());
  const { issuer, root } = await loadAuthority(storage, { kind: 'development' });
  const httpPort = await freePort();
  const refused = new Set<string>();
  const network = networkValidator({
    egress: {
      policy: addressPolicy({ allow: ['127.0.0.0/8'] }),
      resolver: async (name) => (refused.has(name) ? [] : ['127.0.0.1']),
    },
    ports: { http: httpPort, https: httpPort },
    ...(nameServer === undefined
      ? {}
      : { resolver: validationResolver({ servers: [nameServer] }) }),
  });
  // What the CA waits between two looks is not what is tested here.
  const clock = {
    now: () => systemClock.now(),
    monotonic: () => systemClock.monotonic(),
    sleep: async (duration: DurationInput, options?: SleepOptions) =>
      await systemClock.sleep({ milliseconds: Math.ceil(milliseconds(duration) / 50) }, options),
  };
  const posts = new Map<string, number>();
  const ca: Pick<TestCa, 'busy' | 'refusal' | 'slowness' | 'arrange'> & { requests: number } = {
    busy: undefined,
    refusal: undefined,
    slowness: 0,
    requests: 0,
    arrange: (chain) => chain,
  };
  const wrap: ServeAcmeOptions['wrap'] = (whole) => async (request, connection) => {
    const handler = withFaults(whole, [disorderedChains({ arrange: (all) => ca.arrange(all) })]);
    const path = new URL(request.url).pathname;
    ca.requests += 1;
    if (request.method === 'POST') posts.set(path, (posts.get(path) ?? 0) + 1);
    if (ca.busy !== undefined) return problem('rateLimited', ca.busy);
    if (ca.refusal !== undefined && request.method === 'POST') return problem(ca.refusal);
    if (path.includes('finalize') && ca.slowness > 0)
      await systemClock.sleep({ milliseconds: ca.slowness });
    return await handler(request, connection);
  };
  const acme = await serveAcme(
    {
      ...{
        ...meta,
        storage,
        clock,
        wrap,
        ...(termsOfService === undefined ? {} : { termsOfService }),
      },
      issuer: {
        ...issuer,
        issue: async (request) => {
          const chains = await issuer.issue(request);
          return [...chains, ...chains.flatMap((chain) => alternatesOf(chain, root))];
        },
      },
      validate: network,
      rateLimiter: noLimits(),
      ocsp: repositoryUrl !== undefined,
      onError: () => {
        /* the client gets a problem document */
      },
    },
    repositoryUrl === undefined ? {} : { repository: { url: repositoryUrl } },
  );
  return {
    directory: acme.directory,
    root,
    httpPort,
    refused,
    posts,
    get requests() {
      return ca.requests;
    },
    get slowness() {
      return ca.slowness;
    },
    set slowness(pause) {
      ca.slowness = pause;
    },
    get busy() {
      return ca.busy;
    },
    set busy(seconds) {
      ca.busy = seconds;
    },
    get refusal() {
      return ca.refusal;
    },
    set refusal(type) {
      ca.refusal = type;
    },
    get arrange() {
      return ca.arrange;
    },
    set arrange(change) {
      ca.arrange = change;
    },
    [Symbol.asyncDispose]: acme[Symbol.asyncDispose],
  };
}

/** Answers with a problem. @param seconds as `Retry-After`, where there is one */
function problem(type: string, seconds?: number): Response {
  const status = type === 'rateLimited' ? 429 : 403;
  const document = { type: `urn:ietf:params:acme:error:${type}`, detail: 'refused', status };
  return new Response(JSON.stringify(document), {
    status,
    headers: {
      'content-type': 'application/problem+json',
      ...(seconds === undefined ? {} : { 'retry-after': String(seconds) }),
      'replay-nonce': randomBytes(16).toString('base64url'),
    },
  });
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Of JSON. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into it
  readonly body: any;
}
export interface Call {
  readonly key?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}
export interface Serving extends AsyncDisposable {
  readonly url: string;
  readonly folder: string;
  /** The first one, which may do everything. */
  readonly key: string;
  readonly log: readonly string[];
  /** Every answer is held against the description of the API. */
  call(method: string, path: string, call?: Call): Promise<Reply>;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** A key with these rights, by the first one. */
  makeKey(key: object): Promise<string>;
  /** Writes the configuration again and reloads it. */
  reload(toml: string): Promise<void>;
}

export interface ServingOptions {
  readonly toml?: string;
  readonly ca?: TestCa | undefined;
  readonly environment?: Readonly<Record<string, string>>;
  readonly role?: ServeOptions['role'];
  /** Of an earlier server, which has ended. */
  readonly folder?: string;
}

export async function serving({
  toml = '',
  ca,
  environment = {},
  role,
  folder: existingFolder,
}: ServingOptions = {}): Promise<Serving> {
  const folder = existingFolder ?? (await mkdtemp(join(tmpdir(), 'acmex-server-')));
  const file = join(folder, 'acmex.toml');
  const port = await freePort();
  const write = async (text: string) => {
    await writeFile(
      file,
      `[server]\nlisten_addr = "127.0.0.1:${port}"\n${text}${ca ? `\n[acme]\nca = "custom"\nca_custom_url = "${ca.directory}"\nca_certificate = "${join(folder, 'root.pem')}"\ntos_agreed = true\n[challenge.http01]\nlisten_addr = "127.0.0.1:${ca.httpPort}"\n` : ''}`,
    );
    await chmod(file, 0o600);
  };
  if (ca) await writeFile(join(folder, 'root.pem'), ca.root);
  await write(toml);
  const log: string[] = [];
  let key = '';
  const server = await serve({
    environment,
    role,
    cwd: folder,
    home: folder,
    configFile: file,
    dataDirectory: join(folder, 'data'),
    version: '0.0.0',
    log: (entry) => {
      log.push(JSON.stringify(entry));
    },
    onInitialKey: (_, text) => {
      key = text;
    },
  });
  const fetching = async (path: string, init: RequestInit = {}) =>
    await fetch(`${server.url}${path}`, { redirect: 'manual', ...init });
  const call: Serving['call'] = async (
    method,
    path,
    { key: callKey = key, body, headers = {}, signal } = {},
  ) => {
    const answer = await fetching(path, {
      method,
      ...(signal ? { signal } : {}),
      headers: {
        ...(callKey === '' ? {} : { 'x-api-key': callKey }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    const isJson = /json/.test(answer.headers.get('content-type') ?? '');
    const reply = {
      status: answer.status,
      headers: answer.headers,
      text,
      body: isJson ? (JSON.parse(text) as unknown) : undefined,
    };
    assertDescribed(method, path.split('?')[0] ?? '', reply);
    return reply;
  };
  return {
    url: server.url,
    folder,
    get key() {
      return key;
    },
    log,
    call,
    fetch: fetching,
    async makeKey(rights) {
      const { status, body, text } = await call('POST', '/api/keys', { body: rights });
      if (status !== 201) throw new Error(text);
      return (body as { readonly key: string }).key;
    },
    async reload(next) {
      await write(next);
      await server.reload();
    },
    async [Symbol.asyncDispose]() {
      await server.stop({ within: { seconds: 5 } });
      if (existingFolder === undefined) await removeFolder(folder);
    },
  };
}

/** Returns a key of a tenant that may do everything, which is written beside the running server. */
export async function tenantKey({ folder }: Serving, tenant: string): Promise<string> {
  await using storage = fileStorage({ path: join(folder, 'data') });
  const place = tenant === 'default' ? storage : scopedStorage(storage, `tenant/${tenant}`);
  const store = new KeyStore({ storage: place, tenant });
  return (await store.create({ title: tenant, scopes, names: ['*'] }, 'test')).text;
}

export async function initialKeyIn(folder: string): Promise<string | undefined> {
  return await readFile(join(folder, 'data/.acmex/initial-api-key'), 'utf8').catch(() => undefined);
}

const description = apiDescription('0.0.0');
// A schema is compiled once, small, and without a pass that makes its code faster.
const ajv = new Ajv2020({
  strict: false,
  validateFormats: false,
  inlineRefs: false,
  code: { optimize: false },
});
ajv.addSchema(description, 'api');
/** Every path of the API, those with the fewest parameters first. */
const describedPaths = Object.entries(description.paths)
  .map(([template, methods]) => ({
    template,
    methods,
    pattern: new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  }))
  .sort((a, b) => a.template.split('{').length - b.template.split('{').length);

/** Throws where an answer is not what the description of the API says. */
function assertDescribed(
  method: string,
  path: string,
  { status, headers, body, text }: Pick<Reply, 'status' | 'headers' | 'body' | 'text'>,
): void {
  const { template = '', methods = {} } =
    describedPaths.find((it) => method.toLowerCase() in it.methods && it.pattern.test(path)) ?? {};
  const operation = methods[method.toLowerCase()] as Operation | undefined;
  const type = (headers.get('content-type') ?? '').split(';')[0] ?? '';
  if (
    status >= 400 &&
    (type !== 'application/problem+json' || !valid('#/components/schemas/Problem', body))
  ) {
    if (!(status === 503 && path === '/health/ready'))
      throw new Error(`${method} ${path}: ${status} is not a problem document: ${text}`);
  }
  if (status >= 400) return;
  if (!operation)
    throw new Error(`${method} ${path}: ${status}, and the description does not know it`);
  if (!operation.responses[String(status)])
    throw new Error(`${method} ${path}: ${status} is not described`);
  const place = `#/paths/${template.replaceAll('/', '~1').replaceAll('{', '%7B').replaceAll('}', '%7D')}/${method.toLowerCase()}/responses/${status}/content/application~1json/schema`;
  const content = (
    operation.responses[String(status)] as {
      readonly content?: Readonly<Record<string, { readonly schema?: { readonly type?: string } }>>;
    }
  ).content;
  if (
    content?.['application/json'] &&
    content['application/json'].schema?.type !== 'string' &&
    !valid(place, body)
  )
    throw new Error(
      `${method} ${path}: ${text} is not as described: ${ajv.errorsText(ajv.errors)}`,
    );
}

function valid(place: string, body: unknown): boolean {
  return ajv.validate(`api${place}`, body);
}
