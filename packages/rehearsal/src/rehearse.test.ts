import { createHash } from 'node:crypto';
import { registeredDomain } from '@acmex/budgets/registered-domain';
import { createAuthority, issuerOf } from '@acmex/ca';
import { parseCertificate, parseCsr, webcrypto } from '@acmex/certificate';
import type { Clock } from '@acmex/clock';
import {
  CertificateMaintenance,
  type Issuer,
  type ManagedCertificate,
  Provisioner,
} from '@acmex/orchestrator';
import { memoryStorage } from '@acmex/storage';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { Temporal } from 'temporal-polyfill';
import {
  announcedModel,
  type CaModel,
  type Incident,
  lifetimeAt,
  rehearse,
  type RehearsedCertificate,
  suggestedWindow,
} from './index.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const letsEncrypt = announcedModel('https://acme-v02.api.letsencrypt.org/directory', {
  isPublic: true,
});
const from = Date.parse('2026-12-01T00:00:00Z');
const iso = (at: number) => new Date(at).toISOString();
const options = { registeredDomain, models: new Map([['ca', letsEncrypt]]), from };

/** Certificates that were issued one after the other, so many hours apart. */
function fleet(count: number, hours = 1): readonly RehearsedCertificate[] {
  return Array.from({ length: count }, (_, index) => {
    const issued = from - index * hours * hourMs;
    const notAfter = issued + 90 * dayMs;
    return {
      ...{ id: `crt_${index}`, names: [`n${index}.test`], issuer: 'ca', paused: false },
      current: {
        ...{ generation: 1, serialNumber: `4${index}`, issuedAt: iso(issued) },
        ...{ notBefore: iso(issued), notAfter: iso(notAfter) },
      },
      renewal: { at: iso(notAfter - 30 * dayMs) },
    };
  });
}

describe('the announced lifetimes', () => {
  const days = (model: CaModel, at: string, profile?: string) =>
    lifetimeAt(model, { profile, at: Date.parse(at), before: 398 * dayMs }) / dayMs;
  const models = {
    "Let's Encrypt": letsEncrypt,
    'another public CA': announcedModel('https://ca.example/directory', { isPublic: true }),
    'a private CA': announcedModel('https://ca.internal/directory', { isPublic: false }),
  };

  it.each<[keyof typeof models, string, string | undefined, number]>([
    ["Let's Encrypt", '2027-02-09T23:59:59Z', undefined, 90],
    ["Let's Encrypt", '2027-02-10T00:00:00Z', undefined, 64],
    ["Let's Encrypt", '2028-02-16T00:00:00Z', undefined, 45],
    ["Let's Encrypt", '2027-02-10T00:00:00Z', 'classic', 64],
    ["Let's Encrypt", '2028-02-16T00:00:00Z', 'tlsserver', 45],
    ["Let's Encrypt", '2028-02-16T00:00:00Z', 'shortlived', 160 / 24],
    ['another public CA', '2026-12-01T00:00:00Z', undefined, 200],
    ['another public CA', '2027-03-15T00:00:00Z', undefined, 100],
    ['another public CA', '2029-03-15T00:00:00Z', undefined, 47],
    ['a private CA', '2029-03-15T00:00:00Z', undefined, 398],
  ])('are those of %s at %s with the profile %s: %d days', (ca, at, profile, expected) => {
    expect(days(models[ca], at, profile)).toBeCloseTo(expected);
  });
});

describe('a rehearsal', () => {
  it('renews in the maintenance windows, also after the CA was away', () => {
    const away: Incident = {
      ...{ type: 'away', issuer: 'ca' },
      ...{ from: from + 5 * dayMs, until: from + 11 * dayMs },
    };
    const issued: Date[] = [];
    rehearse({
      ...{ ...options, certificates: fleet(50), until: from + 200 * dayMs, incidents: [away] },
      maintenanceWindows: ['Sat,Wed 02:00-06:00'],
      onIssued: ({ at }) => issued.push(new Date(at)),
    });
    expect(issued.length).toBeGreaterThan(100);
    const isInside = (at: Date) => [3, 6].includes(at.getUTCDay()) && /T0[2-5]:/.test(iso(+at));
    expect(issued.filter((at) => !isInside(at)).map((at) => iso(+at))).toEqual([]);
  });

  it('renews all in time, and is the same each time', () => {
    const until = from + 400 * dayMs;
    const result = rehearse({ ...options, certificates: fleet(200), until });
    expect(result).toEqual(rehearse({ ...options, certificates: fleet(200), until }));
    expect(result).toMatchObject({ certificates: 200, failed: 0, outages: [] });
    expect(result.days).toHaveLength(400);
    const issued = result.days.reduce((sum, day) => sum + day.issued, 0);
    expect(issued).toBe(result.issued);
    // One after 60 days with a lifetime of 90 or 64 days, and the following after 41 to 43 days.
    expect(issued / 200).toBeGreaterThanOrEqual(8);
    expect(issued / 200).toBeLessThan(9.5);
  });

  it('says what expires, and for how long, when a CA is away', () => {
    const away = { type: 'away', issuer: 'ca', from: from + 50 * dayMs } as const;
    const incidents = [{ ...away, until: from + 95 * dayMs }];
    const result = rehearse({
      ...options,
      ...{ certificates: fleet(20, 24), incidents, until: from + 120 * dayMs },
    });
    expect(result.failed).toBeGreaterThan(200);
    const expired = result.outages.filter(({ cause }) => cause === 'expired');
    // The ten that were issued first were renewed before.
    expect(expired).toHaveLength(10);
    for (const { until = '' } of expired) {
      expect(Date.parse(until)).toBeGreaterThan(from + 95 * dayMs);
      expect(Date.parse(until)).toBeLessThan(from + 97 * dayMs);
    }
    const short = [{ ...away, until: from + 57 * dayMs }];
    expect(
      rehearse({
        ...options,
        ...{ certificates: fleet(20, 24), incidents: short, until: from + 120 * dayMs },
      }).outages,
    ).toEqual([]);
  });

  it('moves certificates with several issuers to the next one while a CA is away', () => {
    const certificates = fleet(20, 24).map((certificate) => ({
      ...{ ...certificate, fallbackIssuers: ['second'] },
    }));
    const incidents = [
      { type: 'away', issuer: 'ca', from: from + 50 * dayMs, until: from + 95 * dayMs } as const,
    ];
    const until = from + 120 * dayMs;
    const models = new Map(['ca', 'second'].map((name) => [name, letsEncrypt]));
    const result = rehearse({ ...options, models, certificates, incidents, until });
    expect(result.outages).toEqual([]);
    expect(result.issuers.map(({ issuer }) => issuer).sort()).toEqual(['ca', 'second']);
    expect(result.issuers.find(({ issuer }) => issuer === 'second')?.issued).toBe(10);
  });

  it('moves on where the limits of the first issuer are used up', () => {
    const limits = {
      exemptsRenewals: false,
      limits: { 'new-orders': { capacity: 1, periodMs: 20 * dayMs } },
    };
    const models = new Map([
      ['ca', { ...letsEncrypt, limits, renewalShare: 0 }],
      ['second', { ...letsEncrypt, limits: undefined }],
    ]);
    const certificates = fleet(3).map((certificate) => ({
      ...{ ...certificate, fallbackIssuers: ['second'] },
    }));
    const { issuers, waits } = rehearse({
      ...{ ...options, models, certificates, until: from + 64 * dayMs },
    });
    expect(issuers).toEqual([
      { issuer: 'second', issued: 2 },
      { issuer: 'ca', issued: 1 },
    ]);
    expect(waits.orders).toBe(0);
  });

  it('renews what will be revoked before that, and finds what was revoked after it', () => {
    const revocation: Incident = {
      type: 'revocation',
      ...{ issuer: 'ca', share: 0.5 },
      ...{ announcedAt: from + 10 * dayMs, revokedAt: from + 13 * dayMs },
    };
    const at = { certificates: fleet(100), until: from + 30 * dayMs };
    const announced = rehearse({ ...options, ...at, incidents: [revocation] });
    expect(announced.outages).toEqual([]);
    expect(announced.issued).toBeGreaterThan(35);
    expect(announced.issued).toBeLessThan(65);
    // A CA that suggests no windows says it to no one.
    const models = new Map([['ca', { ...letsEncrypt, suggestsWindows: false }]]);
    const surprised = rehearse({ ...options, ...at, models, incidents: [revocation] });
    expect(surprised.outages).toHaveLength(announced.issued);
    const every = { checkRevocationEvery: { hours: 12 } };
    const checked = rehearse({ ...options, ...at, models, incidents: [revocation], ...every });
    expect(checked.issued).toBe(announced.issued);
    for (const outage of checked.outages)
      expect(Date.parse(outage.until ?? '') - revocation.revokedAt).toBeLessThan(13 * hourMs);
  });

  it('holds orders back for the limits of the CA, and says which', () => {
    const certificates = Array.from({ length: 120 }, (_, index) => ({
      ...{ id: `crt_${index}`, names: [`n${index}.example.com`], issuer: 'ca', paused: false },
    }));
    const result = rehearse({ ...options, certificates, until: from + 30 * dayMs });
    // A tenth of 50 a week is kept for renewals.
    expect([result.issued, result.waits.orders]).toEqual([120, 75]);
    expect(result.days[0]?.issued).toBeGreaterThanOrEqual(45);
    expect(result.budgets).toContainEqual(
      expect.objectContaining({ limit: 'certificates-per-domain', subject: 'example.com' }),
    );
    expect(result.waits.longestSeconds).toBeGreaterThan(9 * 86_400);
  });

  it('says of paused certificates that they expire', () => {
    const certificates = fleet(1).map((certificate) => ({ ...certificate, paused: true }));
    const { outages } = rehearse({ ...options, certificates, until: from + 100 * dayMs });
    expect(outages).toEqual([
      {
        ...{ certificate: 'crt_0', names: ['n0.test'], cause: 'paused' },
        from: iso(from + 90 * dayMs),
      },
    ]);
  });
});

/** The work itself, with a storage, keys and certificates, on a clock that jumps. */
describe('beside the work itself', () => {
  let authority: ReturnType<typeof issuerOf>;
  let nowMs = from;
  const clock: Clock = {
    now: () => Temporal.Instant.fromEpochMilliseconds(nowMs),
    monotonic: () => nowMs,
    sleep: async (_, { signal } = {}) =>
      await new Promise<never>((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      }),
  };

  beforeAll(async () => {
    const { issuing, issuingKey } = await createAuthority({
      ...{ name: 'Test', passphrase: 'correct horse battery', keyType: 'ec-p256' },
      constraints: { domains: ['test'], addresses: [] },
      clock,
    });
    const key = await webcrypto().import(issuingKey);
    authority = issuerOf({ chain: issuing, key, clock });
  });

  const serialOf = (id: string, generation: number) =>
    `4${createHash('sha256').update(`${id}/${generation}`).digest('hex').slice(1, 32)}`;

  /** An issuer that behaves as the model says. */
  function modelIssuer(
    issuerName: string,
    {
      ids,
      issuances,
      ...scenario
    }: Pick<Worked, 'issuances'> & {
      readonly ids: ReadonlyMap<string, string>;
      readonly incidents: readonly Incident[];
    },
  ): Issuer {
    const incidents = scenario.incidents.filter(({ issuer }) => issuer === issuerName);
    const announcement = incidents.find((incident) => incident.type === 'revocation');
    return {
      name: issuerName,
      async issue({ csr, names: [name = ''] }) {
        nowMs += 10_000;
        const away = incidents.find(({ type }) => type === 'away');
        if (away?.type === 'away' && nowMs >= away.from && nowMs < away.until)
          throw Object.assign(new Error('the CA is away'), { code: 'ERR_ACME_UNREACHABLE' });
        const id = ids.get(name) ?? '';
        const times = issuances.get(id) ?? [];
        issuances.set(id, [...times, { at: nowMs, issuer: issuerName }]);
        const { identifiers, publicKey } = await parseCsr(csr);
        const notBefore = clock.now().subtract({ hours: 1 });
        const lifetime = lifetimeAt(letsEncrypt, { profile: undefined, at: nowMs, before: 0 });
        const [chain = ''] = await authority.issue({
          serialNumber: serialOf(id, times.length + 1),
          ...{ identifiers, publicKey, rsa: false, usages: ['serverAuth'], mustStaple: false },
          ...{ notBefore, notAfter: notBefore.add({ milliseconds: lifetime }) },
          ...{ issuerUrl: 'http://ca.test/issuer', crlUrl: 'http://ca.test/crl' },
        });
        return { chain };
      },
      abandon: async () => undefined,
      async renewalInfo(chain) {
        const { notBefore, notAfter } = parseCertificate(chain);
        const issuedAt = notBefore.epochMilliseconds + hourMs;
        const isAnnounced =
          announcement?.type === 'revocation' &&
          issuedAt < announcement.announcedAt &&
          announcement.announcedAt <= nowMs;
        const { start, end } = isAnnounced
          ? { start: announcement.announcedAt - hourMs, end: announcement.announcedAt - hourMs / 2 }
          : suggestedWindow({
              notBefore: notBefore.epochMilliseconds,
              notAfter: notAfter.epochMilliseconds,
            });
        const instant = (at: number) => Temporal.Instant.fromEpochMilliseconds(Math.floor(at));
        return {
          window: { start: instant(start), end: instant(end) },
          askAgainAt: clock.now().add({ hours: 6 }),
        };
      },
    };
  }

  interface Worked {
    readonly certificates: readonly ManagedCertificate[];
    /** When each certificate was issued, and by whom. */
    readonly issuances: Map<string, readonly { readonly at: number; readonly issuer: string }[]>;
  }

  /** Does the work itself. */
  async function worked(
    incidents: readonly Incident[],
    until: number,
    fallbackIssuers?: readonly string[],
  ): Promise<Worked> {
    nowMs = from;
    const ids = new Map<string, string>();
    const issuances: Worked['issuances'] = new Map();
    const issuers = ['ca', 'second'].map((name) =>
      modelIssuer(name, { ids, issuances, incidents }),
    );
    const storage = memoryStorage();
    const provisioner = new Provisioner({
      ...{ storage, clock, issuers, lease: { hours: 1e6 } },
    });
    const maintenance = new CertificateMaintenance({ storage, provisioner, clock });
    const certificates: ManagedCertificate[] = [];
    for (const name of ['a.test', 'b.test', 'c.test']) {
      const spec = { names: [name], issuer: 'ca', fallbackIssuers, keyType: 'ec-p256' } as const;
      const certificate = await provisioner.certificates.add(spec);
      ids.set(name, certificate.id);
      certificates.push(certificate);
    }
    for (;;) {
      const at = await provisioner.certificates.nextDue();
      if (at === undefined || Date.parse(at) >= until) break;
      nowMs = Math.max(nowMs, Date.parse(at));
      for await (const { id } of provisioner.certificates.due(clock.now(), { limit: 1 }))
        await maintenance.maintain(id);
    }
    return { certificates, issuances };
  }

  it.each<[string, readonly Incident[], number]>([
    ['lifetimes become shorter', [], 60_000],
    [
      'the CA revokes all certificates',
      [
        {
          type: 'revocation',
          ...{ issuer: 'ca', share: 1 },
          ...{ announcedAt: from + 90 * dayMs, revokedAt: from + 93 * dayMs },
        },
      ],
      60_000,
    ],
    // The pauses after failures depend on the ids of orders.
    [
      'the CA is away',
      [{ type: 'away', issuer: 'ca', from: from + 55 * dayMs, until: from + 63 * dayMs }],
      dayMs,
    ],
  ])('has the same issuances at the same times where %s', async (_, incidents, tolerance) => {
    const until = from + 140 * dayMs;
    expectSame(await worked(incidents, until), { incidents, until, tolerance });
  });

  it('has them at the same issuers where the preferred one is away for a week', async () => {
    const until = from + 140 * dayMs;
    const incidents: readonly Incident[] = [
      { type: 'away', issuer: 'ca', from: from + 55 * dayMs, until: from + 63 * dayMs },
    ];
    const work = await worked(incidents, until, ['second']);
    // Until the breaker has opened: three tries, whose pauses depend on the ids of orders.
    expectSame(work, { incidents, until, tolerance: 600_000 });
    for (const issued of work.issuances.values())
      expect(issued.map(({ issuer }) => issuer)).toEqual(['ca', 'second', 'ca']);
  });

  /** Expects that a rehearsal has the same issuances. */
  function expectSame(
    { certificates, issuances }: Worked,
    {
      tolerance,
      ...scenario
    }: {
      readonly incidents: readonly Incident[];
      readonly until: number;
      readonly tolerance: number;
    },
  ): void {
    const rehearsed: Record<string, { readonly at: number; readonly issuer: string }[]> = {};
    const result = rehearse({
      ...{ ...options, ...scenario, certificates, ordersAtOnce: 1 },
      models: new Map(['ca', 'second'].map((name) => [name, letsEncrypt])),
      onIssued: ({ id, ...issued }) => {
        rehearsed[id] = [...(rehearsed[id] ?? []), issued];
      },
    });
    expect(result.issued).toBe([...issuances.values()].flat().length);
    expect(result.issued).toBeGreaterThanOrEqual(9);
    for (const [id, expected] of issuances)
      for (const [index, { at, issuer }] of expected.entries()) {
        expect(Math.abs(at - (rehearsed[id]?.[index]?.at ?? 0))).toBeLessThanOrEqual(tolerance);
        expect(rehearsed[id]?.[index]?.issuer).toBe(issuer);
      }
  }
});
