import { connect, type ConnectionOptions, type PeerCertificate } from 'node:tls';
import {
  acmeServer,
  createDevelopmentAuthority,
  loadAuthority,
  networkValidator,
  noLimits,
  saveAuthority,
} from '@acmex/ca';
import { withFaults } from '@acmex/ca/faults';
import { addressPolicy } from '@acmex/egress';
import type { Fetch } from '@acmex/protocol';
import { memoryStorage } from '@acmex/storage';

/** A CA in this process that validates over the network, at ports of the test. */
export interface TestCa extends AsyncDisposable {
  readonly directory: string;
  readonly fetch: Fetch;
  /** PEM */
  readonly root: string;
  /** Whether it answers; true at first. */
  isUp: boolean;
  /** The requests for orders that it was sent. */
  orders: number;
  /** Resolves with the first of them. */
  readonly ordered: Promise<void>;
}

export async function testCa({
  ports,
  cannotValidate,
}: {
  readonly ports: { readonly https: number; readonly http: number };
  /** The type of a challenge that a proxy before the program answers. */
  readonly cannotValidate?: string;
}): Promise<TestCa> {
  const storage = memoryStorage();
  await saveAuthority(storage, await createDevelopmentAuthority());
  const { issuer, root } = await loadAuthority(storage, { kind: 'development' });
  const overNetwork = networkValidator({
    egress: {
      policy: addressPolicy({ allow: ['127.0.0.0/8'] }),
      resolver: async () => ['127.0.0.1'],
    },
    ports,
  });
  const server = acmeServer({
    ...{ url: 'https://ca.test/acme', storage, issuer, rateLimiter: noLimits() },
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
      }
      return await next();
    },
  ]);
  const ca: TestCa = {
    directory: server.directory,
    root,
    isUp: true,
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
