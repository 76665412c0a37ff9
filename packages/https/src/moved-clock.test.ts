import { errorCode } from '@acmex/errors';
import { eventually } from '@acmex/services';
import { memoryStorage } from '@acmex/storage';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  handshake,
  movedClock,
  type MovedClock,
  served,
  type TestPrograms,
  testPrograms,
} from './autocert.testing.ts';
import type { Autocert } from './index.ts';

const yearMs = 366 * 86_400_000;
const names = ['example.test'];
let clock: MovedClock;
let programs: TestPrograms;
beforeEach(async () => {
  clock = movedClock();
  // The CA has the clock of the machine.
  programs = await testPrograms({ storage: memoryStorage() });
});
afterEach(async () => await programs[Symbol.asyncDispose]());

const presented = async (servername = 'example.test') => {
  const { certificate } = await handshake(programs.ports.https, { servername });
  return { issuer: certificate.issuer.CN, serial: certificate.serialNumber };
};
const failureOf = async (tls: Autocert) => (await tls.status())[0]?.failure;
/** Lets time pass until a failure is tried again, and waits until that has failed or succeeded. */
async function nextAttempt(tls: Autocert): Promise<void> {
  const { at, retryAt = '' } = (await failureOf(tls)) ?? {};
  const left = Date.parse(retryAt) - clock.now().epochMilliseconds;
  clock.pass({ milliseconds: Math.max(1000, left) });
  await eventually(async () => {
    // What waits for the CA to be back waits for seconds.
    if (!programs.ca.isUp) clock.pass({ seconds: 5 });
    return (await failureOf(tls))?.at !== at;
  }, 20);
}

describe('a program whose CA is away for an hour from its start', () => {
  it('serves a self-signed certificate, reports a few failures, and obtains one soon after', async () => {
    const { ca, errors, listen } = programs;
    ca.isUp = false;
    const begun = clock.monotonic();
    const minutes = () => (clock.monotonic() - begun) / 60_000;
    const tls = await listen({ names, clock });
    await eventually(async () => {
      clock.pass({ seconds: 5 });
      return (await failureOf(tls)) !== undefined;
    }, 20);
    while (minutes() < 60) {
      await expect(presented()).resolves.toMatchObject({ issuer: 'self-signed' });
      await nextAttempt(tls);
    }
    expect(new Set(errors.map(errorCode))).toEqual(new Set(['ERR_ACME_UNREACHABLE']));
    expect(errors.length).toBeLessThanOrEqual(12);
    const away = minutes();
    ca.isUp = true;
    await nextAttempt(tls);
    await expect(failureOf(tls)).resolves.toBeUndefined();
    await eventually(async () => (await presented()).issuer !== 'self-signed');
    // The pause doubles up to an hour, and a quarter is added.
    expect(minutes() - away).toBeLessThan(76);
    expect(ca.orders).toBe(1);
  });
});

describe('a clock that jumps a year ahead', () => {
  it('causes few orders, and nothing waits for a year after it is set back', async () => {
    const { ca, errors, listen } = programs;
    const tls = await listen({ names, clock });
    await served(tls);
    const { serial } = await presented();
    clock.set(yearMs);
    clock.pass({ minutes: 1 });
    await eventually(async () => (await failureOf(tls)) !== undefined);
    const begun = clock.monotonic();
    for (let attempt = 0; attempt < 4; attempt += 1) await nextAttempt(tls);
    await expect(failureOf(tls)).resolves.toMatchObject({ code: 'ERR_CERTIFICATE_VALIDITY' });
    // A day would pass between certificates of 90 days, then twice as long each time.
    expect(clock.monotonic() - begun).toBeGreaterThan(10 * 0.7 * 86_400_000);
    expect(ca.orders).toBeLessThanOrEqual(1 + 2 * 5);
    await expect(presented()).resolves.toMatchObject({ serial });
    expect(errors.map(String).join()).toContain("check this machine's clock");
    const orders = ca.orders;
    clock.set(begun - clock.monotonic());
    clock.pass({ minutes: 16 });
    await eventually(async () => {
      const { retryAt = '' } = (await failureOf(tls)) ?? {};
      return !(Date.parse(retryAt) > clock.now().epochMilliseconds);
    }, 20);
    clock.pass({ minutes: 1 });
    await eventually(async () => (await presented()).serial !== serial, 20);
    await expect(failureOf(tls)).resolves.toBeUndefined();
    // The newest of those that were refused is used.
    expect(ca.orders).toBe(orders);
  });
});

describe('a certificate that a client asks for', () => {
  it('is not waited for where its order has failed and its next attempt is far away', async () => {
    const { ca, errors, listen } = programs;
    ca.refuses = true;
    const tls = await listen({ allow: () => true, clock });
    await expect(presented('shop.test')).rejects.toThrow();
    // A name is refused for ten seconds after its failure.
    clock.pass({ seconds: 11 });
    await expect(presented('shop.test')).rejects.toThrow();
    await eventually(() => errors.length > 1);
    const { retryAt } = (await failureOf(tls)) ?? {};
    expect(errors.map(errorCode)).toContain('ERR_HTTPS_NOT_ISSUED');
    expect(String(errors.at(-1))).toContain(`is tried again at ${retryAt}: `);
    expect(ca.orders).toBe(1);
  });
});

describe('a certificate that a process with a late clock renews', () => {
  it('is served within five minutes, although its event seems to be old', async () => {
    const { listen, start } = programs;
    const tls = await listen({ names, clock });
    await served(tls);
    const { serial } = await presented();
    const late = movedClock();
    late.set(-600_000);
    await programs.makeDue();
    await start({ names, clock: late });
    await eventually(
      async () => (await tls.status())[0]?.serialNumber !== serial.toLowerCase(),
      20,
    );
    await expect(presented()).resolves.toMatchObject({ serial });
    const change = served(tls);
    clock.pass({ minutes: 5 });
    await change;
    expect((await presented()).serial).not.toBe(serial);
  });
});
