import { virtualClock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { describe, expect, it } from '@jest/globals';
import { type AllowRequest, OnDemand } from './on-demand.ts';

function onDemand(
  allow: (request: AllowRequest) => boolean | Promise<boolean>,
  obtain: (name: string) => Promise<void> = async () => undefined,
) {
  const clock = virtualClock();
  const errors: unknown[] = [];
  const names = new OnDemand({
    ...{ allow, clock, limits: {} },
    obtain,
    onError: (error) => errors.push(error),
  });
  const ask = async (name: string) =>
    await clock.run(names.obtain(name, '192.0.2.1')).then(
      () => undefined,
      (error: unknown) => error,
    );
  return { ask, errors };
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

  it('is refused where allow does not answer in time', async () => {
    const { ask } = onDemand(async () => await new Promise<boolean>(() => undefined));
    expect(errorCode(await ask('a.test'))).toBe('ERR_HTTPS_TIMEOUT');
  });

  it('is refused where allow answers anything but true', async () => {
    const { ask } = onDemand(() => 'yes' as unknown as boolean);
    expect(errorCode(await ask('a.test'))).toBe('ERR_HTTPS_NOT_PERMITTED');
  });

  it('is reported once where many are refused, and is bounded for each address', async () => {
    let questions = 0;
    const { ask, errors } = onDemand(() => {
      questions += 1;
      return false;
    });
    for (let count = 0; count < 1000; count += 1) await ask(`n${count}.test`);
    expect([questions, errors.length]).toEqual([20, 21]);
    expect(errorCode(errors.at(-1))).toBe('ERR_HTTPS_LIMIT');
  });
});
