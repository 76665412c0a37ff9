import {
  type AcmeServer,
  acmeServer,
  createDevelopmentAuthority,
  loadAuthority,
  noLimits,
  saveAuthority,
} from '@acmex/ca';
import { createCsr, type PrivateKey, webcrypto } from '@acmex/certificate';
import { AcmeClient, type ChallengeSolver } from '@acmex/client';
import { type Clock, milliseconds, systemClock } from '@acmex/clock';
import { identifiers } from '@acmex/identifier';
import {
  type AccountKey,
  type AcmeSession,
  acmeSession,
  type DirectoryCache,
  type Fetch,
  generateAccountKey,
} from '@acmex/protocol';
import { memoryStorage } from '@acmex/storage';
import { type CountingStorage, countingStorage } from './counting-storage.testing.ts';
import type { Counts } from './limits.testing.ts';

/** A CA has as much time for its work as it needs: this machine's speed decides nothing. */
const caClock: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic(),
  sleep: async (_, options) => await systemClock.sleep({ hours: 1 }, options),
};

/** A client waits for nothing; what renews locks in the background takes its time. */
export const clientClock: Clock = {
  ...caClock,
  sleep: async (duration, options) =>
    await systemClock.sleep(milliseconds(duration) > 2000 ? duration : 'PT0S', options),
};

export const directory = 'https://ca.test/acme/directory';

/** A CA in this process that validates every name, and counts what it is asked. */
export interface ServedCa extends AsyncDisposable {
  readonly server: AcmeServer;
  readonly storage: CountingStorage;
  readonly fetch: Fetch;
  /** The requests by method and kind of path since the last call. */
  takeRequests(): Counts;
}

/** Starts a CA, which does not ask again for proof that an account has given. */
export async function servedCa(): Promise<ServedCa> {
  const clock = caClock;
  const storage = countingStorage(memoryStorage());
  await saveAuthority(storage, await createDevelopmentAuthority({ clock }));
  const { issuer } = await loadAuthority(storage, { kind: 'development', clock });
  let requests: Record<string, number> = {};
  const server = acmeServer({
    ...{ url: 'https://ca.test/acme', storage, issuer, clock },
    reuseAuthorizations: true,
    validate: async () => ({ valid: true }),
    rateLimiter: noLimits(),
    onError: ({ error }) => {
      throw error;
    },
  });
  await server.idle();
  return {
    server,
    storage,
    fetch: async (url, { method, headers, body }) => {
      const kind = `${method} ${kindOf(new URL(url).pathname)}`;
      requests[kind] = (requests[kind] ?? 0) + 1;
      const request = new Request(url, { method, headers, ...(body ? { body } : {}) });
      const answer = await server.handler(request, { address: '192.0.2.1' });
      // A poll finds the work done, however fast this machine is.
      await server.idle();
      return answer;
    },
    takeRequests() {
      const taken = requests;
      requests = {};
      return taken;
    },
    [Symbol.asyncDispose]: server[Symbol.asyncDispose],
  };
}

/** A path without the ids in it: `/order/ID/finalize`. */
function kindOf(path: string): string {
  return path.replace('/acme', '').replaceAll(/\/(?=[^/]*[\d_])[^/]+/g, '/ID');
}

export interface KnownAccount {
  readonly key: AccountKey;
  readonly account?: string;
  /** What the storage of the process has of directories; nothing by default. */
  readonly directories?: DirectoryCache;
}

/** A session of a process that has just started. */
export async function sessionAt(
  ca: Pick<ServedCa, 'fetch'>,
  account?: KnownAccount,
): Promise<AcmeSession> {
  const { key } = account ?? (await generateAccountKey());
  const random = () => 0.5;
  return acmeSession({ directory, ...account, key, fetch: ca.fetch, clock: clientClock, random });
}

let certificateKey: PrivateKey | undefined;

/** Gets a certificate as a program does with the client alone. @returns its PEM */
export async function issue(session: AcmeSession, names: readonly string[]): Promise<string> {
  certificateKey ??= await webcrypto().generate('ec-p256');
  const all = identifiers(names);
  const csr = await createCsr({ identifiers: all, key: certificateKey });
  return (await new AcmeClient({ session, solvers: [solver] }).issue({ identifiers: all, csr }))
    .pem;
}

/** Shows nothing: the CA validates every name. */
const solver: ChallengeSolver = {
  type: 'http-01',
  supports: () => true,
  respond: async () => ({}),
  present: async () => undefined,
  visible: async () => undefined,
  remove: async () => undefined,
};
