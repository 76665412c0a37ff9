import { virtualClock } from '@acmex/clock';
import { describe, expect, it } from '@jest/globals';
import { WantedNames } from './wanted-names.ts';

describe('the names of a program', () => {
  it('are reported a day after the other while their certificate has ended, until it is renewed', async () => {
    const clock = virtualClock({ now: '2026-01-01T00:00:00Z' });
    const reported: string[] = [];
    let notAfter = '2026-01-02T12:00:00Z';
    const wanted = new WantedNames([['a.test', 'b.test']], {
      clock,
      certificates: {
        find: async () => ({ id: 'crt_1', notAfter }) as never,
        reportExpiry: async () => void reported.push(clock.now().toString()),
      },
      onError: (error) => {
        throw error;
      },
    });
    await wanted.ready(undefined);
    await clock.advance({ hours: 80 });
    expect(reported).toEqual(['2026-01-03T00:00:01Z', '2026-01-04T00:00:01Z']);
    notAfter = '2026-03-01T00:00:00Z';
    await clock.advance({ hours: 80 });
    expect(reported).toHaveLength(2);
    await wanted[Symbol.asyncDispose]();
    expect(clock.sleepers).toBe(0);
  });
});
