import { describe, expect, it } from '@jest/globals';
import { termsIn } from '../page/screens/accounts/terms.ts';

describe('the terms of service of a refusal', () => {
  it.each([
    [
      'requires agreement: read https://ca.example/terms?v=2, then agree',
      'https://ca.example/terms?v=2',
    ],
    ['read javascript:alert(1), then agree', undefined],
    ['read https://, then agree', undefined],
    ['there is no address', undefined],
  ])('in "%s" are at %s', (message, address) => {
    expect(termsIn(message)).toBe(address);
  });
});
