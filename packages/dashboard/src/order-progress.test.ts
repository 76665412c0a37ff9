import { describe, expect, it } from '@jest/globals';
import { type OrderSoFar, progressOf, refusals } from '../page/screens/order/progress.ts';

const names = ['a.test', '*.a.test'];
const stepsOf = (...types: readonly (readonly [type: string, name?: string])[]) =>
  types.map(([type, name], index) => ({
    number: index + 1,
    at: '2026-11-29T20:00:00Z',
    type,
    ...(name === undefined ? {} : { name }),
  }));
const orderOf = (change: Partial<OrderSoFar>): OrderSoFar => ({
  ...{ names, state: 'running', steps: [] },
  ...change,
});
const seen = (change: Partial<OrderSoFar>) => {
  const { phases, names: progress, done, total } = progressOf(orderOf(change));
  return {
    phases: phases.map(({ state }) => state).join(' '),
    names: progress.map(({ state }) => state).join(' '),
    done: `${done}/${total}`,
  };
};
const failureWith = (problem: Record<string, unknown>) => ({
  ...{ code: 'ERR_CLIENT_VALIDATION_FAILED', message: 'refused', failures: 1, problem },
  ...{ at: '2026-11-29T20:00:00Z', retryAt: '2026-11-29T21:00:00Z' },
});

describe('the progress of an order', () => {
  it('begins with the order at the CA', () => {
    expect(seen({ state: 'pending' })).toEqual({
      ...{ phases: 'waiting waiting waiting waiting', names: 'waiting waiting', done: '0/5' },
    });
    expect(seen({}).phases).toBe('running waiting waiting waiting');
  });

  it('has each name by its own steps', () => {
    const steps = stepsOf(
      ['ordered'],
      ['already-valid', 'a.test'],
      ['presented', '*.a.test'],
      ['visible', '*.a.test'],
    );
    expect(seen({ steps })).toEqual({
      ...{ phases: 'done running waiting waiting', names: 'valid visible', done: '2/5' },
    });
  });

  it('knows what is done by what comes after it, also where early steps are not stored any more', () => {
    expect(seen({ steps: stepsOf(['finalized']) })).toEqual({
      ...{ phases: 'done done done running', names: 'valid valid', done: '4/5' },
    });
    expect(seen({ state: 'succeeded' })).toMatchObject({ done: '5/5' });
  });

  it('begins from the start with a new order at the CA, and not with one that is continued', () => {
    const first = [['ordered'], ['answered', 'a.test']] as const;
    expect(seen({ steps: stepsOf(...first, ['resumed']) }).names).toBe('checking waiting');
    expect(seen({ steps: stepsOf(...first, ['ordered']) }).names).toBe('waiting waiting');
  });

  it('says which phase failed, and which names the CA refused', () => {
    const failure = failureWith({
      subproblems: [{ identifier: { type: 'dns', value: 'a.test' }, detail: 'no' }],
    });
    const steps = stepsOf(['ordered'], ['answered', 'a.test']);
    expect(seen({ state: 'pending', steps, failure })).toMatchObject({
      ...{ phases: 'done failed waiting waiting', names: 'failed failed' },
    });
    // The next try is at work.
    expect(seen({ state: 'running', steps, failure }).names).toBe('checking waiting');
    expect(seen({ state: 'cancelled', steps, failure }).phases).not.toContain('failed');
  });
});

describe('the problem of a CA', () => {
  it.each([
    [undefined, []],
    [{ type: 't', detail: 'd' }, [{ type: 't', detail: 'd' }]],
    [
      { subproblems: [{ detail: 'x', identifier: { type: 'dns', value: 'a.test' } }, null, 'odd'] },
      [{ detail: 'x', identifier: 'a.test' }],
    ],
    [{ subproblems: 'odd', type: 5, detail: {}, identifier: 'odd' }, [{}]],
  ])('is read whatever it holds: %j', (problem, expected) => {
    expect(refusals(problem)).toEqual(expected);
  });
});
