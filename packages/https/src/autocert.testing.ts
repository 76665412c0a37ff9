import { connect, type ConnectionOptions, type PeerCertificate } from 'node:tls';
import {
  acmeServer,
  type AcmeServer,
  type AcmeServerOptions,
  createDevelopmentAuthority,
  loadAuthority,
  networkValidator,
  noLimits,
  saveAuthority,
} from '@acmex/ca';
import { withFaults } from '@acmex/ca/faults';
import { type Clock, type DurationInput, milliseconds, systemClock } from '@acmex/clock';
import { addressPolicy } from '@acmex/egress';
import { CertificateStore } from '@acmex/orchestrator';
import type { Fetch } from '@acmex/protocol';
import { freePort } from '@acmex/services';
import { memoryStorage, type Storage } from '@acmex/storage';
import { autocert, type Autocert, type AutocertOptions } from './index.ts';

/** A CA in this process that validates over the network, at ports of the test. */
export interface TestCa extends AsyncDisposable {
  readonly directory: string;
  readonly fetch: Fetch;
  /** PEM */
  readonly root: string;
  /** Answers OCSP requests, where the CA has a responder. */
  readonly repository: AcmeServer['repository'];
  readonly storage: Storage;
  /** Whether it answers; true at first. */
  isUp: boolean;
  /** Whether it refuses new orders; false at first. */
  refuses: boolean;
  /** The requests for orders that it was sent. */
  orders: number;
  /** Resolves with the first of them. */
  readonly ordered: Promise<void>;
}

export async function testCa({
  ports,
  cannotValidate,
  clock,
  responderUrl,
  settings,
  host = 'ca.test',
}: {
  readonly ports: { readonly https: number; readonly http: number };
  /** Of its URLs; requests to any host reach it. */
  readonly host?: string;
  /** What this CA wants and offers, beside the usual. */
  readonly settings?: Pick<AcmeServerOptions, 'externalAccountRequired' | 'profiles'>;
  readonly clock?: Clock;
  /** Where certificates name an OCSP responder; they name none by default. */
  readonly responderUrl?: string | undefined;
  /** The type of a challenge that a proxy before the program answers. */
  readonly cannotValidate?: string;
}): Promise<TestCa> {
  const storage = memoryStorage();
  const timed = clock ? { clock } : {};
  await saveAuthority(storage, await createDevelopmentAuthority(timed));
  const { issuer, root } = await loadAuthority(storage, { kind: 'development' });
  const overNetwork = networkValidator({
    egress: {
      policy: addressPolicy({ allow: ['127.0.0.0/8'] }),
      resolver: async () => ['127.0.0.1'],
    },
    ports,
  });
  const server = acmeServer({
    ...{ url: `https://${host}/acme`, storage, issuer, rateLimiter: noLimits() },
    ...settings,
    ...timed,
    ...(responderUrl === undefined ? {} : { ocsp: true, repositoryUrl: responderUrl }),
    validationPauses: [],
    validate: async (request, options) =>
      request.type === cannotValidate
        ? { type: 'unauthorized', detail: 'a proxy has answered' }
        : await overNetwork(request, options),
    onError: ({ error }) => {
      throw error;
    },
  });
  let noteOrder: () => void;
  const ordered = new Promise<void>((resolve) => {
    noteOrder = resolve;
  });
  const handler = withFaults(server.handler, [
    async ({ resource }, next) => {
      if (resource === 'newOrder') {
        ca.orders += 1;
        noteOrder();
        if (ca.refuses)
          return Response.json(
            { type: 'urn:ietf:params:acme:error:rejectedIdentifier', detail: 'it is refused' },
            { status: 403, headers: { 'content-type': 'application/problem+json' } },
          );
      }
      return await next();
    },
  ]);
  const ca: TestCa = {
    directory: server.directory,
    root,
    repository: server.repository,
    storage,
    isUp: true,
    refuses: false,
    orders: 0,
    ordered,
    fetch: async (url, { method, headers, body }) => {
      if (!ca.isUp)
        throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      const request = { method, headers, ...(body === undefined ? {} : { body }) };
      return await handler(new Request(url, request), { address: '192.0.2.1' });
    },
    [Symbol.asyncDispose]: async () => await server[Symbol.asyncDispose](),
  };
  return ca;
}

/** What a server presents in a handshake. */
export interface Presented {
  readonly certificate: PeerCertificate;
  readonly protocol: string | false | null;
  readonly isTrusted: boolean;
  readonly isResumed: boolean;
  readonly session: Buffer | undefined;
}

/** Makes a TLS handshake, without trust. @throws what the server refuses it with */
export async function handshake(port: number, options: ConnectionOptions = {}): Promise<Presented> {
  return await new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerCertificate();
      const { alpnProtocol: protocol, authorized: isTrusted } = socket;
      const [isResumed, session] = [socket.isSessionReused(), socket.getSession()];
      socket.destroy();
      resolve({ certificate, protocol, isTrusted, isResumed, session });
    });
  });
}

/** A CA, a storage, and the programs that use them. Disposing of it ends them all. */
export interface TestPrograms extends AsyncDisposable {
  readonly ca: TestCa;
  readonly ports: { readonly https: number; readonly http: number };
  /** What the programs have reported. */
  readonly errors: unknown[];
  /** Starts autocert, which does not listen, with the CA and the storage of the test. */
  start(options?: Partial<AutocertOptions>): Promise<Autocert>;
  /** Starts autocert, and listens. */
  listen(options?: Partial<AutocertOptions>): Promise<Autocert>;
  /** Makes the renewal of each certificate due, as time would, and ends it where that is wanted. */
  makeDue(options?: { readonly hasEnded?: boolean }): Promise<void>;
  /** Ends the programs. */
  stop(): Promise<void>;
}

export async function testPrograms({
  storage = memoryStorage(),
  clock,
  responderUrl,
}: {
  readonly storage?: Storage;
  readonly clock?: Clock;
  readonly responderUrl?: string;
} = {}): Promise<TestPrograms> {
  const ports = { https: await freePort(), http: await freePort() };
  const ca = await testCa({ ports, responderUrl, ...(clock ? { clock } : {}) });
  const errors: unknown[] = [];
  const open: AsyncDisposable[] = [];
  const stop = async () => {
    for (const opened of open.splice(0).reverse()) await opened[Symbol.asyncDispose]();
  };
  const start = async (options: Partial<AutocertOptions> = {}) => {
    const { directory, fetch } = ca;
    const usual = {
      acceptTerms: true,
      development: false,
      directory,
      fetch,
      storage,
      ports,
      clock,
    };
    const tls = await autocert({ ...usual, host: '127.0.0.1', ...options });
    tls.on('error', (error) => errors.push(error));
    open.push(tls);
    return tls;
  };
  return {
    ...{ ca, ports, errors, start, stop },
    makeDue: async ({ hasEnded = false } = {}) => await makeDue(storage, hasEnded),
    async listen(options) {
      const tls = await start(options);
      open.push(await tls.listen((_, response) => void response.end('hello')));
      return tls;
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await ca[Symbol.asyncDispose]();
    },
  };
}

async function makeDue(storage: Storage, hasEnded: boolean): Promise<void> {
  const store = new CertificateStore({ storage });
  const ids = [];
  for await (const { id } of store.list()) ids.push(id);
  const at = new Date(0).toISOString();
  for (const id of ids)
    await store.change(id, (certificate) => {
      const { current } = certificate;
      const ended = current && hasEnded ? { ...current, notAfter: at } : current;
      return { ...certificate, current: ended, renewal: { at } };
    });
}

/** Resolves when the next certificate is served. */
export async function served(tls: Autocert): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => {
      tls.off('certificate', done);
      resolve();
    };
    tls.on('certificate', done);
  });
}

/** The clock of the machine, which a test moves. */
export interface MovedClock extends Clock {
  /** Lets time pass at once: who sleeps until then wakes. */
  pass(duration: DurationInput): void;
  /** Sets the time of day, which may be back; who sleeps sleeps on. */
  set(differenceMs: number): void;
}

export function movedClock(): MovedClock {
  let passedMs = 0;
  let differenceMs = 0;
  let moved = new AbortController();
  const monotonic = () => systemClock.monotonic() + passedMs;
  return {
    now: () => systemClock.now().add({ milliseconds: passedMs + differenceMs }),
    monotonic,
    async sleep(duration, { signal } = {}) {
      const end = monotonic() + milliseconds(duration);
      for (let left = end - monotonic(); left > 0; left = end - monotonic()) {
        const either = AbortSignal.any([moved.signal, ...(signal ? [signal] : [])]);
        await systemClock.sleep({ milliseconds: Math.ceil(left) }, { signal: either }).catch(() => {
          signal?.throwIfAborted();
        });
      }
      signal?.throwIfAborted();
    },
    pass(duration) {
      passedMs += Math.round(milliseconds(duration));
      moved.abort();
      moved = new AbortController();
    },
    set(difference) {
      differenceMs = Math.round(difference);
    },
  };
}
