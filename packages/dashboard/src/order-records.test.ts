import { describe, expect, it } from '@jest/globals';
import { checkOf, findingOf, recordsOf } from '../page/screens/order/records.ts';

const record = (value: string, state: 'wanted' | 'seen' | 'removable' = 'wanted') => ({
  type: 'TXT' as const,
  name: '_acme-challenge.a.test',
  value,
  domain: 'a.test',
  state,
});
type Answers = Parameters<typeof findingOf>[0]['answers'];
const findingIn = (
  answers: readonly (Omit<Answers[0], 'server' | 'values'> & { values?: string[] })[],
  error?: string,
) => {
  const { state, ...wanted } = record('wanted-value');
  const asked = answers.map((each, index) => ({ server: `192.0.2.${index}`, ...each }));
  return findingOf({ ...wanted, answers: asked, ...(error === undefined ? {} : { error }) }, [
    record('former-value', 'removable'),
  ]);
};

describe('the records of an order', () => {
  it('are those to set and those to remove', () => {
    const records = [record('a'), record('b', 'seen'), record('c', 'removable')];
    expect(recordsOf({ records })).toEqual({
      wanted: records.slice(0, 2),
      removable: records.slice(2),
    });
    expect(recordsOf({})).toEqual({ wanted: [], removable: [] });
  });
  it('have no finding of a check that was for earlier values', () => {
    const { state, ...check } = { ...record('a'), answers: [] };
    expect(checkOf(record('a'), [check])).toBe(check);
    expect(checkOf(record('b'), [check])).toBeUndefined();
  });
});

describe('a check of a record', () => {
  it('counts the servers that show it', () => {
    const seen = { state: 'seen' as const, values: ['wanted-value'] };
    expect(findingIn([seen, seen])).toEqual({ type: 'seen', seen: 2, total: 2 });
    expect(findingIn([seen, { state: 'absent', values: [] }])).toEqual({
      ...{ type: 'partly', seen: 1, total: 2 },
    });
  });
  it.each([
    ['quotation marks around the value', '"wanted-value"', 'quoted'],
    ['a space behind it', 'wanted-value ', 'quoted'],
    ['the value of an earlier attempt', 'former-value', 'former'],
    ['a part of the value', 'wanted', 'different'],
  ])('explains %s', (_, value, type) => {
    expect(findingIn([{ state: 'different', values: [value] }])).toEqual({ type });
  });
  it('says that there is no record only if a server said so', () => {
    expect(findingIn([{ state: 'absent', values: [] }, { state: 'failed' }])).toEqual({
      type: 'absent',
    });
    expect(findingIn([{ state: 'failed' }])).toEqual({ type: 'failed' });
    expect(findingIn([], 'no zone')).toEqual({ type: 'failed' });
  });
});
