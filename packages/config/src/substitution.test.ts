import { describe, expect, it } from '@jest/globals';
import { substituted } from './substitution.ts';

describe('${VAR} in a text', () => {
  it.each([
    ['${A}', 'one'],
    ['x-${A}${B}-y', 'x-onetwo-y'],
    ['${NONE:-other}', 'other'],
    ['${EMPTY:-other}', 'other'],
    ['${EMPTY}', ''],
    ['${NONE:-}', ''],
    ['${A:-other}', 'one'],
    ['$${A}', '${A}'],
    ['$$$${A}', '$${A}'],
    ['$5 and $A', '$5 and $A'],
    ['${NESTED}', '${A}'],
    ['${NONE:-a:-b}', 'a:-b'],
  ])('makes of %s %s', (text, result) => {
    expect(substituted(text, { A: 'one', B: 'two', EMPTY: '', NESTED: '${A}' })).toEqual({
      text: result,
    });
  });

  it.each(['${', '${A', '${}', '${A B}', '${1A}', '${A-b}'])(
    'refuses %s, which does not name a variable',
    (text) => {
      expect(substituted(text, { A: 'one' }).refusal?.problem).toBe(
        'has a ${ that does not name a variable',
      );
    },
  );

  it('refuses a variable that is not set', () => {
    expect(substituted('${NONE}', {}).refusal).toEqual({
      problem: 'needs the variable NONE, which is not set',
      cure: 'set NONE, or write ${NONE:-default}',
    });
  });
});
