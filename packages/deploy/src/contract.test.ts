import { describe, expect, it } from '@jest/globals';
import { deployTargetContract } from './contract.ts';
import { type Faults, memoryTarget } from './memory-target.testing.ts';

describe('the contract of deploy targets', () => {
  it.each(deployTargetContract)('is fulfilled by a target in memory: $title', async ({ check }) => {
    await check(memoryTarget());
  });

  const titles = async (faults: Faults) => {
    const failed: string[] = [];
    for (const { title, check } of deployTargetContract)
      await check(memoryTarget(faults)).catch(() => failed.push(title));
    return failed;
  };
  it.each<[keyof Faults, RegExp]>([
    ['appliesEarly', /changes nothing that is in use before/],
    ['appliesNothing', /puts a certificate in use/],
    ['leafAlone', /with its chain and its key/],
    ['onceOnly', /in use already as a success/],
    ['trustsPlace', /a process ended/],
    ['staysNew', /puts the former certificate back, and says/],
    ['wrongSerialNumber', /says which it is/],
    ['repeatsSecrets', /repeats no secret/],
    ['oneCode', /ERR_DEPLOY_CREDENTIALS/],
    ['forgetsFailed', /after a failure at any step/],
    ['ignoresSignal', /ends at once/],
  ])('finds a target that %s', async (fault, title) => {
    expect(await titles({ [fault]: true })).toContainEqual(expect.stringMatching(title));
  });
});
