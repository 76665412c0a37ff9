import { createCsr, type PrivateKey, verifyIssued, webcrypto } from '@acmex/certificate';
import { AcmeClient, type ChallengeSolver } from '@acmex/client';
import { virtualClock, type VirtualClock } from '@acmex/clock';
import { identifiers } from '@acmex/identifier';
import {
  type AccountKey,
  type AcmeSession,
  acmeSession,
  type Fetch,
  generateAccountKey,
  newAccount,
  type NewAccount,
  signJws,
} from '@acmex/protocol';
import { memoryStorage, type Storage } from '@acmex/storage';
import {
  type AcmeServer,
  acmeServer,
  type AcmeServerOptions,
  createAuthority,
  issuerOf,
  type Issuer,
  type NewAuthority,
  noLimits,
  type ServerFailure,
  type ValidationRequest,
  type ValidationVerdict,
} from './index.ts';

export const base = 'https://ca.test/acme';
export const passphrase = 'correct horse battery';

let authority: Promise<NewAuthority> | undefined;
const made = virtualClock({ now: '2026-06-01T00:00:00Z' });
/** One CA for all tests of a file: a P-256 key is quick, and still not free. */
export function testAuthority(): Promise<NewAuthority> {
  authority ??= createAuthority({
    name: 'Test',
    passphrase,
    keyType: 'ec-p256',
    constraints: { domains: ['test', 'example'], addresses: ['10.0.0.0/8', 'fd00::/8'] },
    clock: made,
  });
  return authority;
}

/** A validator that answers late, and as configured: by default that everything is right. */
export function validatorDouble() {
  const asked: ValidationRequest[] = [];
  let verdict: (
    request: ValidationRequest,
  ) => ValidationVerdict | Promise<ValidationVerdict> = () => ({ valid: true });
  return {
    asked,
    answers: (next: typeof verdict) => {
      verdict = next;
    },
    validate: async (request: ValidationRequest) => {
      asked.push(request);
      await new Promise((resolve) => setImmediate(resolve));
      return await verdict(request);
    },
  };
}

export interface TestCa {
  readonly server: AcmeServer;
  readonly clock: VirtualClock;
  readonly storage: Storage;
  readonly issuer: Issuer;
  readonly validator: ReturnType<typeof validatorDouble>;
  readonly failures: ServerFailure[];
  readonly fetch: Fetch;
  /** A client with a new account. */
  account(options?: NewAccount): Promise<TestClient>;
  /** The same CA after its process has ended. */
  restarted(options?: TestOptions): Promise<TestCa>;
}

type TestOptions = Omit<Partial<AcmeServerOptions>, 'clock'> & { readonly clock?: VirtualClock };

export interface TestClient {
  readonly session: AcmeSession;
  readonly key: AccountKey;
  readonly url: string;
  readonly client: AcmeClient;
}

export async function testCa({
  storage = memoryStorage(),
  clock = virtualClock({ now: '2026-06-01T00:00:00Z' }),
  ...options
}: TestOptions = {}): Promise<TestCa> {
  const { issuing, issuingKey } = await testAuthority();
  const issuer =
    options.issuer ??
    issuerOf({ chain: issuing, key: await webcrypto().import(issuingKey), clock });
  const validator = validatorDouble();
  const failures: ServerFailure[] = [];
  const server = acmeServer({
    url: base,
    storage,
    clock,
    issuer,
    validate: validator.validate,
    onError: (failure) => failures.push(failure),
    rateLimiter: noLimits(),
    ...options,
  });
  const fetch: Fetch = (url, { method, headers, body }) =>
    server.handler(new Request(url, { method, headers, ...(body === undefined ? {} : { body }) }), {
      address: '192.0.2.1',
    });
  return {
    server,
    clock,
    storage,
    issuer,
    validator,
    failures,
    fetch,
    account: (account = {}) => clock.run(clientOf({ fetch, clock }, account)),
    async restarted(more = {}) {
      await server[Symbol.asyncDispose]();
      return await testCa({ storage, clock, ...options, ...more });
    },
  };
}

async function clientOf(
  { fetch, clock }: Pick<TestCa, 'fetch' | 'clock'>,
  account: NewAccount,
): Promise<TestClient> {
  const { key } = await generateAccountKey();
  const session = acmeSession({
    directory: `${base}/directory`,
    key,
    fetch,
    clock,
    random: () => 0.5,
  });
  const { url } = await newAccount(session, account);
  return {
    session,
    key,
    url,
    client: new AcmeClient({ session, solvers: [solver('dns-01'), solver('http-01')] }),
  };
}

/** Shows nothing: the validator double is configured with what to find. */
export function solver(type: string): ChallengeSolver {
  return {
    type,
    supports: ({ type: kind }) => type === 'http-01' || kind === 'dns',
    respond: async () => ({}),
    present: async () => undefined,
    visible: async () => undefined,
    remove: async () => undefined,
  };
}

/** From names to a chain that holds what it should. */
export async function issue(
  ca: TestCa,
  { client }: Pick<TestClient, 'client'>,
  names: readonly string[],
  {
    key,
    ...more
  }: {
    readonly key?: PrivateKey;
    readonly profile?: string;
    readonly replaces?: string;
    readonly notBefore?: string;
    readonly notAfter?: string;
  } = {},
) {
  const certificateKey = key ?? (await webcrypto().generate('ec-p256'));
  const all = identifiers(names);
  const issued = await ca.clock.run(
    client.issue({
      identifiers: all,
      csr: await createCsr({ identifiers: all, key: certificateKey }),
      ...more,
    }),
  );
  return {
    ...issued,
    ...(await verifyIssued(
      issued.pem,
      {
        identifiers: all,
        publicKey: certificateKey.publicKey,
        purposes: ['serverAuth', ...(more.profile === undefined ? [] : (['clientAuth'] as const))],
      },
      { clock: ca.clock },
    )),
  };
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The JSON of the text; undefined for what is none. */
  readonly json: Readonly<Record<string, unknown>> | undefined;
  /** The last word of a problem's type. */
  readonly problem: string | undefined;
}

/** A request with nothing in between. */
export async function raw(
  ca: Pick<TestCa, 'server'>,
  path: string,
  init: RequestInit = {},
): Promise<RawAnswer> {
  const answer = await ca.server.handler(
    new Request(path.startsWith('http') ? path : `${base}${path}`, init),
    { address: '192.0.2.1' },
  );
  const text = await answer.text();
  const json =
    text !== '' && /json/.test(answer.headers.get('content-type') ?? '')
      ? (JSON.parse(text) as Record<string, unknown>)
      : undefined;
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    json,
    problem:
      typeof json?.type === 'string' && json.type.startsWith('urn:')
        ? json.type.slice('urn:ietf:params:acme:error:'.length)
        : undefined,
  };
}

export async function nonce(ca: Pick<TestCa, 'server'>): Promise<string> {
  return (await raw(ca, '/new-nonce', { method: 'HEAD' })).headers.get('replay-nonce') ?? '';
}

export interface Posting {
  readonly key: AccountKey;
  /** Absent: the key itself is in the header. */
  readonly kid?: string | undefined;
  /** In place of, or besides, what is right. */
  readonly header?: Readonly<Record<string, unknown>>;
  readonly contentType?: string;
}

/**
 * A signed request, right or wrong in whatever a test wants. `payload` undefined is a POST-as-GET.
 */
export async function post(
  ca: Pick<TestCa, 'server'>,
  path: string,
  payload: object | string | undefined,
  { key, kid, header = {}, contentType = 'application/jose+json' }: Posting,
): Promise<RawAnswer> {
  const url = path.startsWith('http') ? path : `${base}${path}`;
  const json = typeof payload === 'string' ? payload : JSON.stringify(payload);
  const text = payload === undefined ? '' : json;
  const jws = await signJws(
    key,
    {
      ...('nonce' in header ? {} : { nonce: await nonce(ca) }),
      url,
      ...(kid === undefined ? { jwk: key.jwk } : { kid }),
      ...header,
    },
    text,
  );
  return await raw(ca, url, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body: JSON.stringify(jws),
  });
}

/** A request of a client's account. */
export async function postAs(
  ca: Pick<TestCa, 'server'>,
  { key, url }: Pick<TestClient, 'key' | 'url'>,
  path: string,
  payload?: object | string,
  header?: Posting['header'],
): Promise<RawAnswer> {
  return await post(ca, path, payload, { key, kid: url, ...(header ? { header } : {}) });
}
