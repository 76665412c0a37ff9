// Many certificates at a CA that enforces the limits of Let's Encrypt, on a clock that jumps from one due moment
// to the next.
import { plan, type CaLimits } from '@acmex/budgets';
import { registeredDomain } from '@acmex/budgets/registered-domain';
import { acmeServer, createAuthority, issuerOf, noLimits, type OrderLimits } from '@acmex/ca';
import { webcrypto } from '@acmex/certificate';
import type { ChallengeSolver } from '@acmex/client';
import { type Clock, milliseconds } from '@acmex/clock';
import { CertificateMaintenance, type Issuer, Provisioner } from '@acmex/orchestrator';
import { acmeSession, type Fetch, generateAccountKey, newAccount } from '@acmex/protocol';
import { memoryStorage } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import { acmeIssuer } from './acme-issuer.ts';
import { issuerBudget } from './issuer-budget.ts';

const hour = 3_600_000;
const day = 24 * hour;
const beginning = Date.parse('2026-11-30T00:00:00Z');

/** Moves only when it is moved; nothing that sleeps on it wakes. */
class JumpingClock implements Clock {
  ms = beginning;

  now(): Temporal.Instant {
    return Temporal.Instant.fromEpochMilliseconds(Math.floor(this.ms));
  }

  monotonic(): number {
    return this.ms;
  }

  async sleep(_: unknown, { signal }: { readonly signal?: AbortSignal | undefined } = {}) {
    await new Promise<never>((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  }
}

/** Returns a clock for who polls the CA: a pause lets the CA work, and takes a tenth of its time. */
function pollingClock(clock: JumpingClock): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    async sleep(duration, { signal } = {}) {
      signal?.throwIfAborted();
      clock.ms += milliseconds(duration) / 10;
      for (let turn = 0; turn < 20; turn += 1)
        await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

export interface FleetOptions {
  readonly certificates: number;
  readonly namesEach: number;
  /** What the limits of Let's Encrypt are divided by. */
  readonly divisor: number;
  /** Whether orders are kept within the limits. */
  readonly isBudgeted: boolean;
  /** Whether the CA is asked when to renew; the fleet then renews what is due meanwhile. */
  readonly asksForWindows: boolean;
}

export interface FleetReport {
  readonly issued: number;
  /** Answers of the CA with status 429. */
  readonly refused: number;
  /** Milliseconds from the beginning to the last first certificate. */
  readonly end: number;
  /** The same for the plan. */
  readonly planned: number;
  /** The same for the earliest end that the limit of the domain allows. */
  readonly bound: number;
  /** Executions of orders. */
  readonly attempts: number;
}

/** Obtains a fleet of certificates, 60 % of them below one registered domain. */
export async function obtainFleet(options: FleetOptions): Promise<FleetReport> {
  const clock = new JumpingClock();
  const { certificates, namesEach, divisor } = options;
  const limits: CaLimits = {
    exemptsRenewals: true,
    limits: {
      'new-orders': { capacity: 300 / divisor, periodMs: 3 * hour },
      'certificates-per-domain': { capacity: 50 / divisor, periodMs: 7 * day },
      'certificates-per-name-set': { capacity: 5, periodMs: 7 * day },
      'failed-validations': { capacity: 5, periodMs: hour },
    },
  };
  const ca = await limitedCa(clock, limits);
  const issuer: Issuer = {
    ...ca.issuer,
    // Asked once a day: the questions are most of the work else.
    renewalInfo: options.asksForWindows
      ? async (chain, asked) => {
          const info = await ca.issuer.renewalInfo?.(chain, asked);
          return info && { ...info, askAgainAt: info.window.start };
        }
      : undefined,
    budget: options.isBudgeted
      ? await issuerBudget({ directory: ca.directory, limits: { ...limits, renewalShare: 0 } })
      : undefined,
  };
  const storage = memoryStorage();
  const provisioner = new Provisioner({ storage, issuers: [issuer], clock });
  const maintenance = new CertificateMaintenance({ storage, provisioner, clock });
  const fleet = Array.from({ length: certificates }, (_, index) =>
    Array.from({ length: namesEach }, (_name, part) =>
      index % 5 < 3 ? `n${part}-${index}.example.test` : `n${part}.shop-${index}.test`,
    ),
  );
  for (const names of fleet)
    await provisioner.submit({ certificate: { names, issuer: 'ca', keyType: 'ec-p256' } });
  const { end, attempts } = await work({ clock, provisioner, maintenance, certificates });
  const planned = plan(
    fleet.map((names) => ({ names, account: 'a' })),
    { limits, registeredDomain, now: beginning, renewalShare: 0 },
  );
  return {
    issued: ca.issued(),
    refused: ca.refused(),
    end: end - beginning,
    planned: planned.end - beginning,
    bound: (planned.used[0]?.earliestEnd ?? beginning) - beginning,
    attempts,
  };
}

/** Does what is due, until each certificate was issued. */
async function work({
  clock,
  provisioner,
  maintenance,
  certificates,
}: {
  readonly clock: JumpingClock;
  readonly provisioner: Provisioner;
  readonly maintenance: CertificateMaintenance;
  readonly certificates: number;
}): Promise<{ readonly end: number; readonly attempts: number }> {
  let [first, attempts, end] = [0, 0, beginning];
  while (first < certificates) {
    const at = await provisioner.certificates.nextDue();
    if (at === undefined) throw new Error('nothing is due any more');
    clock.ms = Math.max(clock.ms, Date.parse(at));
    for await (const { id } of provisioner.certificates.due(clock.now())) {
      const { outcome } = await maintenance.maintain(id);
      if (outcome) attempts += 1;
      if (outcome?.state === 'succeeded' && outcome.generation === 1) {
        first += 1;
        end = clock.ms;
      }
    }
  }
  return { end, attempts };
}

async function limitedCa(clock: JumpingClock, { limits }: CaLimits) {
  const authority = await createAuthority({
    name: 'Fleet',
    passphrase: 'correct horse battery',
    keyType: 'ec-p256',
    constraints: { domains: ['test'], addresses: [] },
    clock,
  });
  const bucket = (limit: keyof typeof limits) => {
    const { capacity = 1, periodMs = 1 } = limits[limit] ?? {};
    return { tokens: capacity, every: { milliseconds: periodMs } };
  };
  const orderLimits: OrderLimits = {
    orders: bucket('new-orders'),
    certificatesPerDomain: bucket('certificates-per-domain'),
    certificatesPerNames: bucket('certificates-per-name-set'),
    failedValidations: bucket('failed-validations'),
    domainOf: (name) => name.split('.').slice(-2).join('.'),
  };
  let [issued, refused] = [0, 0];
  const server = acmeServer({
    url: 'https://ca.test/acme',
    storage: memoryStorage(),
    clock,
    issuer: issuerOf({
      chain: authority.issuing,
      key: await webcrypto().import(authority.issuingKey),
      clock,
    }),
    validate: async () => ({ valid: true }),
    onError: ({ error }) => {
      throw error;
    },
    onIssued: () => {
      issued += 1;
    },
    rateLimiter: noLimits(),
    orderLimits,
  });
  const fetch: Fetch = async (url, { method, headers, body }) => {
    const request = new Request(url, { method, headers, ...(body === undefined ? {} : { body }) });
    const response = await server.handler(request, { address: '192.0.2.1' });
    if (response.status === 429) refused += 1;
    return response;
  };
  const { directory } = server;
  const { key } = await generateAccountKey();
  const session = acmeSession({ directory, key, fetch, clock: pollingClock(clock) });
  await newAccount(session, { termsOfServiceAgreed: true });
  const issuer = acmeIssuer({
    name: 'ca',
    session: async () => session,
    solvers: async () => [solver],
  });
  return { directory, issuer, issued: () => issued, refused: () => refused };
}

/** The CA takes each name as proven. */
const solver: ChallengeSolver = {
  type: 'http-01',
  supports: (_, wildcard) => !wildcard,
  respond: async ({ token, keyAuthorization }) => ({ token, keyAuthorization }),
  present: async () => undefined,
  visible: async () => undefined,
  remove: async () => undefined,
};
