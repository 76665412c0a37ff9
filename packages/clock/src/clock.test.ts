import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import {
  milliseconds,
  scaledClock,
  systemClock,
  TimeLimitError,
  virtualClock,
  withTimeLimit,
} from './index.ts';

function resultOf(work: () => number): unknown {
  try {
    return work();
  } catch (error) {
    return String(error);
  }
}

describe('milliseconds', () => {
  it('takes what people write', () => {
    expect(milliseconds('PT1M')).toBe(60_000);
    expect(milliseconds({ days: 1, seconds: 1 })).toBe(86_401_000);
  });
  it('gives what Temporal gives, and refuses what it refuses', () => {
    fc.assert(
      fc.property(
        fc.record(
          Object.fromEntries(
            ['days', 'hours', 'minutes', 'seconds', 'milliseconds'].map((unit) => [
              unit,
              fc.oneof(
                { arbitrary: fc.nat({ max: 100_000 }), weight: 9 },
                { arbitrary: fc.constantFrom(undefined, -1, 0.5, 2 ** 53, Infinity), weight: 1 },
              ),
            ]),
          ),
          { requiredKeys: [] },
        ),
        (duration) => {
          const length = resultOf(() => Temporal.Duration.from(duration).total('milliseconds'));
          expect(resultOf(() => milliseconds(duration))).toEqual(length);
        },
      ),
    );
  });
  it('reads a text as Temporal reads it, and refuses what it refuses', () => {
    const part = fc.tuple(
      fc.oneof(fc.nat({ max: 100_000 }).map(String), fc.constantFrom('', '-1', '0.5', '007')),
      fc.constantFrom('D', 'H', 'M', 'S', 'T', 'W', 's', ''),
    );
    const texts = fc.oneof(
      fc.array(part, { maxLength: 5 }).map((all) => ['P', ...all.flat()].join('')),
      fc
        .tuple(fc.nat(1000), fc.nat(30), fc.nat(90), fc.nat(90))
        .map(([d, h, m, s]) => `P${d}DT${h}H${m}M${s}S`),
      fc.constantFrom('P1DT', 'PT', 'P', '', 'PT1M1H', `PT${'9'.repeat(20)}S`, 'PT30S\n'),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const length = resultOf(() => Temporal.Duration.from(text).total('milliseconds'));
        expect(resultOf(() => milliseconds(text))).toEqual(length);
      }),
      { numRuns: 2000, examples: [['P1DT'], ['PT'], ['P'], [''], ['PT30S\n'], ['PT30S']] },
    );
  });
  it('refuses a length that depends on the calendar', () => {
    // Native Temporal throws the RangeError of another realm in Jest: compare by name.
    expect(() => milliseconds({ months: 1 })).toThrow(
      expect.objectContaining({ name: 'RangeError' }),
    );
  });
});

describe('systemClock', () => {
  it('sleeps at least as long as asked', async () => {
    const start = systemClock.monotonic();
    await systemClock.sleep({ milliseconds: 20 });
    expect(systemClock.monotonic() - start).toBeGreaterThanOrEqual(19);
  });
  it('ends a sleep with the reason of the signal, and none begins under an aborted one', async () => {
    const stop = new AbortController();
    const sleep = systemClock.sleep({ days: 40 }, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(sleep).rejects.toThrow('enough');
    await expect(systemClock.sleep('PT1S', { signal: stop.signal })).rejects.toThrow('enough');
  });
});

describe('virtualClock', () => {
  it('wakes sleepers in the order of their moments, each before the next', async () => {
    const clock = virtualClock({ now: '2026-11-23T00:00:00Z' });
    const woken: string[] = [];
    const sleeper = async (name: string, seconds: number) => {
      await clock.sleep({ seconds });
      woken.push(`${name} ${clock.now()}`);
    };
    const both = [sleeper('late', 60), sleeper('early', 1).then(() => sleeper('again', 1))];
    await clock.advance('PT10S');
    expect(woken).toEqual(['early 2026-11-23T00:00:01Z', 'again 2026-11-23T00:00:02Z']);
    expect(clock.sleepers).toBe(1);
    expect(clock.now().toString()).toBe('2026-11-23T00:00:10Z');
    await clock.advance('PT50S');
    await Promise.all(both);
    expect(clock.monotonic()).toBe(60_000);
  });
  it('runs work to its end, and says so when it can never end', async () => {
    const clock = virtualClock();
    await expect(clock.run(clock.sleep({ days: 90 }).then(() => 'renewed'))).resolves.toBe(
      'renewed',
    );
    await expect(
      clock.run(
        new Promise(() => {
          /* never */
        }),
      ),
    ).rejects.toThrow('nothing sleeps');
  });
});

describe('scaledClock', () => {
  it('lets time pass faster', async () => {
    const base = virtualClock();
    const clock = scaledClock({ origin: '2030-01-01T00:00:00Z', factor: 60, clock: base });
    const sleep = clock.sleep('PT2H');
    await base.advance('PT2M');
    await sleep;
    expect(clock.now().toString()).toBe('2030-01-01T02:00:00Z');
  });
  it('refuses a factor that would stop or turn the time', () => {
    expect(() => scaledClock({ origin: '2030-01-01T00:00:00Z', factor: 0 })).toThrow('factor');
  });
});

describe('withTimeLimit', () => {
  it('returns what the work returns, and leaves no timer', async () => {
    const clock = virtualClock();
    await expect(withTimeLimit({ clock, limit: 'PT1S' }, async () => 7)).resolves.toBe(7);
    expect(clock.sleepers).toBe(0);
  });
  it('aborts the work when the time is over', async () => {
    const clock = virtualClock();
    const work = withTimeLimit({ clock, limit: 'PT1S' }, (signal) =>
      clock.sleep('PT2S', { signal }),
    );
    await Promise.all([expect(work).rejects.toBeInstanceOf(TimeLimitError), clock.advance('PT1S')]);
    expect(clock.monotonic()).toBe(1000);
  });
  it("passes the caller's abort on with its own reason", async () => {
    const clock = virtualClock();
    const stop = new AbortController();
    const work = withTimeLimit({ clock, limit: 'PT1S', signal: stop.signal }, (signal) =>
      clock.sleep('PT2S', { signal }),
    );
    stop.abort(new Error('ctrl-c'));
    await expect(work).rejects.toThrow('ctrl-c');
    expect(clock.sleepers).toBe(0);
  });
});
