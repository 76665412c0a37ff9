import {
  type AcmeServerOptions,
  acmeServer,
  createDevelopmentAuthority,
  listIssued,
  loadAuthority,
  noLimits,
  saveAuthority,
} from '@acmex/ca';
import { type Fault, withFaults } from '@acmex/ca/faults';
import type { ChallengeSolver } from '@acmex/client';
import { type DurationInput, milliseconds, type VirtualClock, virtualClock } from '@acmex/clock';
import {
  type AcmexEvent,
  CertificateMaintenance,
  type CertificateSpec,
  outbox,
  Provisioner,
  type RevocationSource,
} from '@acmex/orchestrator';
import type { ExternalAccount, Fetch } from '@acmex/protocol';
import { memoryStorage, type Storage } from '@acmex/storage';
import { acceptTerms, type AccountDescription, accountSession } from './account.ts';
import { type AcmeIssuer, acmeIssuer } from './acme-issuer.ts';
import { issuerBudget, type LimitSettings } from './issuer-budget.ts';

const solver: ChallengeSolver = {
  type: 'http-01',
  supports: () => true,
  visible: async () => undefined,
  respond: async ({ token }) => ({ token }),
  present: async () => undefined,
  remove: async () => undefined,
};

/** A CA in this process, which a test can break. */
export interface TestCa extends AsyncDisposable {
  readonly issuer: AcmeIssuer;
  readonly storage: Storage;
  readonly description: AccountDescription;
  readonly fetch: Fetch;
  /** What it does wrong now; nothing at first. */
  fault: Fault | undefined;
  /** The requests that it was sent: `POST newOrder`. */
  readonly requests: string[];
  /** How many certificates it has issued. */
  issued(): Promise<number>;
}

type CaOptions = Partial<
  Pick<AcmeServerOptions, 'validate' | 'externalAccountRequired' | 'policy' | 'profiles'>
> & {
  readonly externalAccount?: (ca: Storage) => Promise<ExternalAccount>;
  /** What orders are kept within; nothing by default. */
  readonly limits?: LimitSettings;
};

interface FleetOptions {
  readonly revocation?: RevocationSource | undefined;
}

/** Several CAs, and what manages certificates at them, on a clock that the test moves. */
export interface TestFleet {
  readonly clock: VirtualClock;
  readonly storage: Storage;
  readonly provisioner: Provisioner;
  readonly maintenance: CertificateMaintenance;
  addCa(name: string, options?: CaOptions): Promise<TestCa>;
  /** Adds a certificate, and does what is due for it. @returns its id */
  obtain(spec: Partial<CertificateSpec> & Pick<CertificateSpec, 'issuer'>): Promise<string>;
  /** Lets time pass, and does what becomes due. */
  pass(duration: DurationInput): Promise<void>;
  /** What a person does where the terms of a CA have changed. */
  acceptTerms(ca: TestCa): ReturnType<typeof acceptTerms>;
  events(): Promise<readonly AcmexEvent[]>;
}

/** @param options `revocation`: says once a day whether a certificate is revoked; never by default */
export function testFleet({ revocation }: FleetOptions = {}): TestFleet {
  const clock = virtualClock({ now: '2026-11-01T00:00:00Z' });
  const storage = memoryStorage();
  const issuers: AcmeIssuer[] = [];
  const provisioner = new Provisioner({
    ...{ storage, clock },
    lease: { hours: 1 },
    ...(revocation ? { checkRevocationEvery: { hours: 24 } } : {}),
    issuers: async (name) => issuers.find((issuer) => issuer.name === name),
  });
  const maintenance = new CertificateMaintenance({ storage, provisioner, revocation, clock });
  const { certificates } = provisioner;
  let count = 0;
  return {
    clock,
    storage,
    provisioner,
    maintenance,
    async addCa(name, options) {
      const ca = await testCa(name, { ...options, clock, storage });
      issuers.push(ca.issuer);
      return ca;
    },
    async obtain(spec) {
      count += 1;
      const { certificate } = await provisioner.declare({
        ...{ names: [`n${count}.test`], keyType: 'ec-p256', ...spec },
      });
      await clock.run(maintenance.maintain(certificate.id));
      return certificate.id;
    },
    async pass(duration) {
      const end = clock.now().epochMilliseconds + milliseconds(duration);
      for (;;) {
        const at = Date.parse((await certificates.nextDue()) ?? '9999-01-01');
        if (at > end) break;
        await clock.advance({ milliseconds: Math.max(0, at - clock.now().epochMilliseconds) });
        for await (const { id } of certificates.due(clock.now()))
          await clock.run(maintenance.maintain(id));
      }
      const left = Math.max(0, end - clock.now().epochMilliseconds);
      await clock.advance({ milliseconds: left });
    },
    acceptTerms: async ({ issuer: { name }, description, fetch }) =>
      await acceptTerms({ ...description, name }, { storage, fetch, clock }),
    events: async () => await listed(outbox(storage).list()),
  };
}

async function testCa(
  name: string,
  {
    clock,
    storage,
    externalAccount,
    limits,
    ...options
  }: CaOptions & Pick<TestFleet, 'clock' | 'storage'>,
): Promise<TestCa> {
  const caStorage = memoryStorage();
  await saveAuthority(caStorage, await createDevelopmentAuthority({ clock }));
  const { issuer } = await loadAuthority(caStorage, { kind: 'development', clock });
  const server = acmeServer({
    ...{ url: `https://${name}.test/acme`, storage: caStorage, clock, issuer },
    rateLimiter: noLimits(),
    validate: async () => ({ valid: true }),
    onError: ({ error }) => {
      throw error;
    },
    ...options,
  });
  const requests: string[] = [];
  const ca: { fault: Fault | undefined } = { fault: undefined };
  const handler = withFaults(server.handler, [
    async (exchange, next) => {
      requests.push(`${exchange.request.method} ${exchange.resource}`);
      return ca.fault ? await ca.fault(exchange, next) : await next();
    },
  ]);
  const fetch: Fetch = async (url, { method, headers, body }) =>
    await handler(new Request(url, { method, headers, ...(body === undefined ? {} : { body }) }), {
      address: '192.0.2.1',
    });
  const description = {
    ...{ directory: server.directory, title: name, agreed: true },
    ...(externalAccount ? { externalAccount: async () => await externalAccount(caStorage) } : {}),
  };
  return Object.assign(ca, {
    storage: caStorage,
    ...{ description, fetch, requests },
    issuer: {
      ...acmeIssuer({
        name,
        session: async (session) =>
          await accountSession(description, { storage, fetch, clock, ...session }),
        solvers: async () => [solver],
      }),
      budget: await issuerBudget({ directory: server.directory, limits }),
    },
    issued: async () => (await listed(listIssued(caStorage))).length,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
    },
  });
}

/** Reads a list to its end. */
async function listed<T>(list: AsyncIterable<T>): Promise<readonly T[]> {
  const entries: T[] = [];
  for await (const entry of list) entries.push(entry);
  return entries;
}
