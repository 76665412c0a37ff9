import { virtualClock } from '@acmex/clock';
import { describe, expect, it } from '@jest/globals';
import { DeployError } from './errors.ts';
import { type CompleteBundle, deployToTarget, type TargetMemory } from './index.ts';
import { memoryTarget } from './memory-target.testing.ts';

const memory: TargetMemory = { read: async () => undefined, write: async () => undefined };
const bundle = (serialNumber: string): CompleteBundle => ({
  id: 'crt_1',
  names: ['a.test'],
  serialNumber,
  notAfter: '2027-01-01T00:00:00Z',
  chain: `the chain of ${serialNumber}`,
  privateKey: 'the key',
});
const options = { name: 'lb', memory };
const failure = new DeployError('ERR_DEPLOY_HOOK', 'the hook failed');

describe('deployToTarget', () => {
  it('puts the former certificate back where the hook fails, and runs the hook again', async () => {
    const place = memoryTarget();
    await deployToTarget(place.target, bundle('0a'), options);
    let runs = 0;
    const hook = async () => {
      runs += 1;
      if (runs === 1) throw failure;
    };
    await expect(
      deployToTarget(place.target, bundle('0b'), { ...options, hook }),
    ).rejects.toMatchObject({
      code: 'ERR_DEPLOY_HOOK',
      message: 'the deploy target lb: the hook failed; the former certificate 0a is back',
    });
    expect([place.history, runs]).toEqual([['0a', '0b', '0a'], 2]);
  });
  it('removes a first certificate that is not confirmed', async () => {
    const { target, history } = memoryTarget();
    const hook = async () => {
      if (history.length === 1) throw failure;
    };
    await expect(deployToTarget(target, bundle('0a'), { ...options, hook })).rejects.toMatchObject({
      message: expect.stringContaining('removed again; there was none before'),
    });
    expect(history).toEqual(['0a', undefined]);
  });
  it('says that the former certificate could not be put back', async () => {
    const place = memoryTarget();
    await deployToTarget(place.target, bundle('0a'), options);
    const hook = async () => {
      place.trouble('server-error');
      throw failure;
    };
    await expect(
      deployToTarget(place.target, bundle('0b'), { ...options, hook }),
    ).rejects.toMatchObject({
      code: 'ERR_DEPLOY_ROLL_BACK',
      message:
        'the deploy target lb: the hook failed; and the former certificate could not be put back: memory: no',
    });
  });
  it('gives up putting back after its time limit', async () => {
    const place = memoryTarget();
    const clock = virtualClock();
    await deployToTarget(place.target, bundle('0a'), options);
    const hook = async () => {
      place.trouble('silence');
      throw failure;
    };
    await expect(
      clock.run(deployToTarget(place.target, bundle('0b'), { ...options, hook, clock })),
    ).rejects.toMatchObject({
      code: 'ERR_DEPLOY_ROLL_BACK',
      message: expect.stringContaining('time limit'),
    });
  });
  it('changes nothing when its signal aborts, for the next attempt', async () => {
    const { target, history } = memoryTarget();
    await deployToTarget(target, bundle('0a'), options);
    const controller = new AbortController();
    const hook = async () => {
      controller.abort(new Error('enough'));
      controller.signal.throwIfAborted();
    };
    await expect(
      deployToTarget(target, bundle('0b'), { ...options, hook, signal: controller.signal }),
    ).rejects.toThrow('enough');
    await expect(
      deployToTarget(target, bundle('0b'), {
        ...options,
        former: bundle('0a'),
        hook: async () => {
          if (history.at(-1) === '0b') throw failure;
        },
      }),
    ).rejects.toMatchObject({ message: expect.stringContaining('0a is back') });
    expect(history).toEqual(['0a', '0b', '0b', '0a']);
  });
  it('does not start with a key that is in a device', async () => {
    const { target, history } = memoryTarget();
    await expect(
      deployToTarget(target, { ...bundle('0a'), privateKey: undefined }, options),
    ).rejects.toMatchObject({ code: 'ERR_DEPLOY_TARGET', message: expect.stringContaining('lb') });
    expect(history).toEqual([]);
  });
});
