import { describe, expect, it } from '@jest/globals';
import { failureCure } from './failure-cure.ts';

describe('the cure of a failure', () => {
  it('is that of the table of its code, and absent for a code of elsewhere', () => {
    expect(failureCure('ERR_ACME_RATE_LIMITED')).toEqual(expect.stringMatching(/\w+ \w+/));
    expect(failureCure('ERR_CLIENT_VALIDATION_FAILED')).toEqual(expect.stringMatching(/\w+ \w+/));
    expect(failureCure('ERR_UNKNOWN')).toBeUndefined();
    expect(failureCure('constructor')).toBeUndefined();
  });
});
