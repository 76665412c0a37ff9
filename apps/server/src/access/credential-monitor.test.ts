import { virtualClock } from '@acmex/clock';
import { expect, it } from '@jest/globals';
import { CredentialMonitor } from './credential-monitor.ts';

const credential = (check: () => Promise<void>, id = 'key') => ({ id, check });

it('ends every wait of a credential within five seconds of its end', async () => {
  const clock = virtualClock();
  const monitor = new CredentialMonitor(clock);
  let isValid = true;
  const check = async () => {
    if (!isValid) throw new Error('revoked');
  };
  const finished = new AbortController();
  const waits = Array.from({ length: 3 }, () => monitor.watch(credential(check), finished.signal));
  await clock.advance({ minutes: 10 });
  expect(waits.map(({ aborted }) => aborted)).toEqual([false, false, false]);
  isValid = false;
  await clock.advance({ seconds: 5 });
  expect(waits.map(({ reason }) => String(reason))).toEqual(Array(3).fill('Error: revoked'));
  // A credential that is valid again, such as one of a reloaded configuration, can wait again.
  isValid = true;
  const again = monitor.watch(credential(check), finished.signal);
  await clock.advance({ seconds: 5 });
  expect(again.aborted).toBe(false);
});

it('ends a wait within five seconds where the storage does not answer', async () => {
  const clock = virtualClock();
  const never = async () => await new Promise<void>(() => undefined);
  const wait = new CredentialMonitor(clock).watch(credential(never), new AbortController().signal);
  await clock.advance({ seconds: 5 });
  expect(wait.reason).toMatchObject({ code: 'ERR_SERVER_UNAVAILABLE' });
});

it('checks a credential once for all its requests, and no longer than one of them waits', async () => {
  const clock = virtualClock();
  const monitor = new CredentialMonitor(clock);
  let checks = 0;
  const check = async () => {
    checks += 1;
  };
  const requests = Array.from({ length: 100 }, () => new AbortController());
  for (const { signal } of requests) monitor.watch(credential(check), signal);
  await clock.advance({ seconds: 20 });
  expect(checks).toBe(10);
  for (const request of requests) request.abort();
  await clock.advance({ seconds: 20 });
  expect([checks, clock.sleepers]).toEqual([10, 0]);
});
