import { virtualClock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { describe, expect, it } from '@jest/globals';
import { type AllowRequest, OnDemand, type OnDemandLimits } from './on-demand.ts';

function onDemand(
  allow: (request: AllowRequest) => boolean | Promise<boolean>,
  obtain: (name: string) => Promise<void> = async () => undefined,
  limits: Partial<OnDemandLimits> = {},
) {
  const clock = virtualClock();
  const errors: unknown[] = [];
  const names = new OnDemand({
    ...{ allow, clock, limits },
    obtain,
    onError: (error) => errors.push(error),
  });
  const ask = async (name: string) =>
    await clock.run(names.obtain(name, '192.0.2.1')).then(
      () => undefined,
      (error: unknown) => error,
    );
  return { ask, names, errors, clock };
}

describe('a name that a client asks for', () => {
  it('is refused for a while with the failure of its order, which is not tried each time', async () => {
    const failure = new Error('the CA cannot validate it');
    let orders = 0;
    const { ask, errors } = onDemand(
      () => true,
      async () => {
        orders += 1;
        throw failure;
      },
    );
    expect([await ask('a.test'), await ask('a.test')]).toEqual([failure, failure]);
    expect([orders, errors]).toEqual([1, [failure]]);
  });

  it('is refused where allow does not answer in time, also if it fails or permits it later', async () => {
    const late: ((answer: boolean | Promise<boolean>) => void)[] = [];
    let orders = 0;
    const { ask } = onDemand(
      async () => await new Promise<boolean>((resolve) => late.push(resolve)),
      async () => {
        orders += 1;
      },
    );
    expect(errorCode(await ask('a.test'))).toBe('ERR_HTTPS_TIMEOUT');
    expect(errorCode(await ask('b.test'))).toBe('ERR_HTTPS_TIMEOUT');
    late[0]?.(true);
    late[1]?.(Promise.reject(new Error('too late')));
    expect(errorCode(await ask('a.test'))).toBe('ERR_HTTPS_TIMEOUT');
    expect(orders).toBe(0);
  });

  it('counts once for its domain and for a client where its order fails again and again', async () => {
    let orders = 0;
    const { ask, clock } = onDemand(
      () => true,
      async (name) => {
        orders += 1;
        if (name === 'broken.a.test') throw new Error('the CA cannot validate it');
      },
      { perDomain: 2, perAddress: 2 },
    );
    for (let count = 0; count < 5; count += 1) {
      await ask('broken.a.test');
      await clock.advance({ seconds: 11 });
    }
    const outcomes = [await ask('b.a.test'), errorCode(await ask('c.a.test'))];
    expect([orders, ...outcomes]).toEqual([6, undefined, 'ERR_HTTPS_LIMIT']);
  });

  it.each([['yes'], [1], [{}], [undefined], [Object(true)]])(
    'is refused where allow answers %p, which is not true',
    async (answer) => {
      const { ask } = onDemand(() => answer as unknown as boolean);
      expect(errorCode(await ask('a.test'))).toBe('ERR_HTTPS_NOT_PERMITTED');
    },
  );

  it('is refused with what allow throws, at once or later', async () => {
    const failure = new Error('the database is away');
    const { ask, errors } = onDemand(({ name }) => {
      if (name === 'a.test') throw failure;
      return Promise.reject(failure);
    });
    expect([await ask('a.test'), await ask('b.test')]).toEqual([failure, failure]);
    expect(errors).toEqual([failure, failure]);
  });

  it('is reported once where many are refused, and is bounded for each address', async () => {
    let questions = 0;
    const { ask, names, errors } = onDemand(() => {
      questions += 1;
      return false;
    });
    for (let count = 0; count < 20; count += 1) await ask(`n${count}.test`);
    for (let count = 20; count < 10_000; count += 1)
      await expect(names.obtain(`n${count}.test`, '192.0.2.1')).rejects.toThrow();
    expect([questions, errors.length]).toEqual([20, 21]);
    expect(errorCode(errors.at(-1))).toBe('ERR_HTTPS_LIMIT');
  });
});
