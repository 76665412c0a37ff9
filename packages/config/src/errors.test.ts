import { describe, expect, it } from '@jest/globals';
import { ConfigError } from './index.ts';

describe('ConfigError', () => {
  it('keeps its code and its cause', () => {
    const cause = new Error('cause');
    expect(new ConfigError('ERR_CONFIG_FILE', 'it cannot be read', { cause })).toMatchObject({
      code: 'ERR_CONFIG_FILE',
      message: 'it cannot be read',
      cause,
      faults: [],
    });
  });
});
