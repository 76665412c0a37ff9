import { virtualClock } from '@acmex/clock';
import { describe, expect, it } from '@jest/globals';
import {
  DnsError,
  editRecordSet,
  overwriteRecordSet,
  quoted,
  type RecordSet,
  unquoted,
  withoutValue,
  withValue,
} from './index.ts';

const text = { write: quoted, read: unquoted };

/** A name at a host; before each of the first writes others come in. */
function host(before: RecordSet | undefined, changesBetween: (RecordSet | undefined)[] = []) {
  const clock = virtualClock();
  let now = before;
  const edited = {
    provider: 'example',
    name: '_acme-challenge.a.test',
    clock,
    ttl: 60,
    find: async () => now,
    replace: async (there: RecordSet | undefined, wanted: RecordSet) => {
      if (changesBetween.length > 0) now = changesBetween.shift();
      if (now !== there) return undefined;
      now = wanted.values.length > 0 ? wanted : undefined;
      return 'done';
    },
  };
  return { edited, clock, now: () => now };
}

describe('editRecordSet', () => {
  it('adds a value beside those of others, and takes it away again', async () => {
    const { edited, now } = host({ ttl: 300, values: ['"theirs"'] });
    await expect(
      editRecordSet(edited, withValue({ name: '@', value: 'mine' }, text)),
    ).resolves.toBe('done');
    expect(now()).toEqual({ ttl: 300, values: ['"theirs"', '"mine"'] });
    await expect(
      editRecordSet(edited, withoutValue({ name: '@', value: 'mine' }, text)),
    ).resolves.toBe('done');
    expect(now()).toEqual({ ttl: 300, values: ['"theirs"'] });
  });
  it('makes a set, and takes it away with its last value', async () => {
    const { edited, now } = host(undefined);
    await editRecordSet(edited, withValue({ name: '@', value: 'mine' }, text));
    expect(now()).toEqual({ ttl: 60, values: ['"mine"'] });
    await editRecordSet(edited, withoutValue({ name: '@', value: 'mine' }, text));
    expect(now()).toBeUndefined();
  });
  it('writes nothing where nothing is to be changed', async () => {
    const there = { ttl: 300, values: ['"mine"'] };
    const { edited, now } = host(there);
    await expect(
      editRecordSet(edited, withValue({ name: '@', value: 'mine', ttl: 60 }, text)),
    ).resolves.toBeUndefined();
    await expect(
      editRecordSet(edited, withoutValue({ name: '@', value: 'other' }, text)),
    ).resolves.toBeUndefined();
    expect(now()).toBe(there);
  });
  it('reads again when someone else came in between, and loses nothing of theirs', async () => {
    const { edited, clock, now } = host({ ttl: 300, values: ['"one"'] }, [
      { ttl: 300, values: ['"one"', '"two"'] },
      undefined,
    ]);
    await clock.run(editRecordSet(edited, withValue({ name: '@', value: 'mine', ttl: 30 }, text)));
    expect(now()).toEqual({ ttl: 30, values: ['"mine"'] });
    expect(clock.monotonic()).toBe(300);
  });
  it('gives up where that never ends, or the signal aborts', async () => {
    const changesBetween = Array.from({ length: 10 }, () => ({ ttl: 300, values: [] }));
    const { edited, clock } = host(undefined, [...changesBetween]);
    await expect(
      clock.run(editRecordSet(edited, withValue({ name: '@', value: 'mine' }, text))),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message: expect.stringContaining(
        'example: others changed the TXT records of _acme-challenge.a.test ten times',
      ),
    });
    await expect(
      editRecordSet(
        {
          ...host(undefined, [...changesBetween]).edited,
          signal: AbortSignal.abort(new Error('enough')),
        },
        withValue({ name: '@', value: 'mine' }, text),
      ),
    ).rejects.toThrow('enough');
  });
});

describe('overwriteRecordSet', () => {
  const mine = { name: '@', value: 'mine' };
  /**
   * A name at a host that replaces whatever is there; its first writes end so, and others come in
   * while the pause after them lasts.
   */
  function blind(
    before: RecordSet | undefined,
    failures: DnsError[] = [],
    changesBetween: RecordSet[] = [],
  ) {
    const clock = virtualClock();
    let now = before;
    const edited = {
      clock,
      ttl: 60,
      find: async () => now,
      replace: async (_: RecordSet | undefined, wanted: RecordSet) => {
        const failure = failures.shift();
        if (failure) {
          now = changesBetween.shift() ?? now;
          throw failure;
        }
        now = wanted.values.length > 0 ? wanted : undefined;
        return 'done';
      },
    };
    return { edited, clock, now: () => now };
  }

  it('adds a value beside those of others, takes it away again, and writes nothing where nothing is to be changed', async () => {
    const { edited, now } = blind({ ttl: 300, values: ['"theirs"'] });
    await expect(overwriteRecordSet(edited, withValue(mine, text))).resolves.toBe('done');
    expect(now()).toEqual({ ttl: 300, values: ['"theirs"', '"mine"'] });
    await expect(overwriteRecordSet(edited, withoutValue(mine, text))).resolves.toBe('done');
    await expect(overwriteRecordSet(edited, withoutValue(mine, text))).resolves.toBeUndefined();
    expect(now()).toEqual({ ttl: 300, values: ['"theirs"'] });
  });
  it('reads again after trouble that passes, and keeps what others have added meanwhile', async () => {
    const { edited, clock, now } = blind(
      undefined,
      [
        new DnsError('ERR_DNS_API', 'down', { passing: true }),
        new DnsError('ERR_DNS_RATE_LIMITED', 'slower', {
          passing: true,
          retryAfter: virtualClock().now().add({ seconds: 7 }),
        }),
      ],
      [
        { ttl: 300, values: ['"one"'] },
        { ttl: 300, values: ['"one"', '"two"'] },
      ],
    );
    await clock.run(overwriteRecordSet(edited, withValue(mine, text)));
    expect(now()).toEqual({ ttl: 300, values: ['"one"', '"two"', '"mine"'] });
    expect(clock.monotonic()).toBe(7000);
  });
  it('passes on what does not pass, and at last also what should have', async () => {
    const [refused, down] = [
      new DnsError('ERR_DNS_API', 'no'),
      new DnsError('ERR_DNS_API', 'down', { passing: true }),
    ];
    await expect(
      overwriteRecordSet(blind(undefined, [refused]).edited, withValue(mine, text)),
    ).rejects.toBe(refused);
    const { edited, clock } = blind(
      undefined,
      Array.from({ length: 6 }, () => down),
    );
    await expect(clock.run(overwriteRecordSet(edited, withValue(mine, text)))).rejects.toBe(down);
  });
});
