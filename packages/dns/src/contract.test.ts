import { virtualClock } from '@acmex/clock';
import { describe, expect, it } from '@jest/globals';
import { dnsProviderContract } from './contract.ts';
import { DnsError, type DnsProvider, jsonApi, recordName } from './index.ts';
import { standIn } from './stand-in.ts';

const token = 'a-token-that-stays-secret';
const words = {
  credentials: { status: 401 },
  'rate-limited': { status: 429 },
  unknown: { status: 404 },
  malformed: { status: 400 },
  'server-error': { status: 503, body: { error: `trouble with ${token}` } },
};
interface Row {
  readonly name: string;
  readonly value: string;
}

function subject(broken: (provider: DnsProvider) => DnsProvider = (provider) => provider) {
  let rows: readonly Row[] = [];
  const clock = virtualClock();
  const host = standIn({
    baseUrl: 'https://api.test',
    words,
    authorized: ({ headers }) => headers.get('token') === token,
    routes: {
      'GET /zones/:zone': ({ params }) => ({
        status: params.zone === 'a.test' ? 200 : 404,
        body: rows,
      }),
      'POST /rows': ({ body }) => {
        rows = [...rows, body as Row];
        return { status: 201 };
      },
      'DELETE /rows/:name/:value': ({ params }) => {
        rows = rows.filter(({ name, value }) => name !== params.name || value !== params.value);
        return { status: 204 };
      },
    },
  });
  const api = jsonApi({
    provider: 'memory',
    baseUrl: 'https://api.test',
    headers: { token },
    fetch: host.fetch,
    clock,
  });
  const provider: DnsProvider = {
    name: 'memory',
    async append(zone, records, options) {
      for (const record of records) {
        const all = await api('GET', `/zones/${zone}`, {
          ...options,
          zone,
          answer: [{ name: '', value: '' }],
        });
        if (
          !all.some(
            ({ name, value }) => name === recordName(zone, record) && value === record.value,
          )
        )
          await api('POST', '/rows', {
            ...options,
            body: { name: recordName(zone, record), value: record.value },
          });
      }
    },
    async remove(zone, records, options) {
      for (const record of records)
        await api(
          'DELETE',
          `/rows/${recordName(zone, record)}/${encodeURIComponent(record.value)}`,
          options,
        );
    },
  };
  const lookUp = async (name: string) =>
    rows.filter((row) => row.name === name).map(({ value }) => value);
  return {
    provider: broken(provider),
    zone: 'a.test',
    lookUp,
    trouble: host.trouble,
    clock,
    secrets: [token],
  };
}

describe('dnsProviderContract', () => {
  it.each(dnsProviderContract.map((clause) => [clause.title, clause] as const))(
    'holds for a good provider: %s',
    async (_, { check }) => {
      await check(subject());
    },
  );

  const wraps =
    (append: (inner: DnsProvider) => DnsProvider['append']) =>
    (inner: DnsProvider): DnsProvider => ({ ...inner, append: append(inner) });
  const failing = (change: (error: unknown) => unknown) =>
    wraps((inner) => async (...args) => {
      await inner.append(...args).catch((error: unknown) => {
        throw change(error);
      });
    });
  it.each<[string, (inner: DnsProvider) => DnsProvider, RegExp]>([
    [
      'forgets to remove',
      (inner) => ({
        ...inner,
        remove: async () => {
          /* nothing */
        },
      }),
      /takes it away/,
    ],
    [
      'removes the records next to it',
      (inner) => ({
        ...inner,
        remove: async (zone, [record]) =>
          inner.remove(
            zone,
            ['one', 'two'].map((value) => ({ ...record!, value })),
          ),
      }),
      /exactly the one/,
    ],
    [
      'passes on any time to live',
      wraps((inner) => async (zone, records, options) => {
        if (records.some(({ ttl = 60 }) => ttl < 60)) throw new Error('the TTL is too low');
        await inner.append(zone, records, options);
      }),
      /any time to live/,
    ],
    [
      'cuts off what is longer than 255 characters',
      wraps((inner) => async (zone, records, options) => {
        const short = records.map((entry) => ({ ...entry, value: entry.value.slice(0, 255) }));
        await inner.append(zone, short, options);
      }),
      /any characters/,
    ],
    [
      'removes no value after the tenth',
      (inner) => {
        const order: string[] = [];
        return {
          ...inner,
          append: async (zone, records, options) => {
            await inner.append(zone, records, options);
            order.push(...records.map(({ value }) => value));
          },
          remove: async (zone, records, options) => {
            const early = records.filter(({ value }) => order.indexOf(value) < 10);
            await inner.remove(zone, early, options);
          },
        };
      },
      /among many/,
    ],
    [
      'takes the values of others away before it writes all again',
      (inner) => {
        const values = new Set<string>();
        const write: DnsProvider['append'] = async (zone, records, options) => {
          await inner.append(zone, records, options);
          for (const { value } of records) values.add(value);
        };
        return {
          ...inner,
          append: async (zone, records, options) => {
            const [{ name } = { name: '@' }] = records;
            const neighbours = [...values].map((value) => ({ name, value }));
            await inner.remove(zone, neighbours, options);
            values.clear();
            await write(zone, [...records, ...neighbours], options);
          },
        };
      },
      /loses no other/,
    ],
    [
      'changes the set that it read before another change',
      (inner) => {
        let last: Promise<void> = Promise.resolve();
        return {
          ...inner,
          append: async (zone, records, options) => {
            const before = last;
            last = inner.append(zone, records, options);
            await Promise.all([before, last]);
          },
          remove: async (zone, records, options) => {
            await last;
            const [{ name } = { name: '@' }] = records;
            const all = ['one', 'two'].map((value) => ({ name, value }));
            await inner.remove(zone, records.length === 1 ? all : records, options);
          },
        };
      },
      /takes another away/,
    ],
    [
      'replaces what is there',
      wraps((inner) => async (zone, [record, ...rest], options) => {
        await inner.remove(
          zone,
          ['one', 'two', 'three', 'four']
            .filter((value) => value !== record!.value)
            .map((value) => ({ ...record!, value })),
          options,
        );
        await inner.append(zone, [record!, ...rest], options);
      }),
      /keeps two values/,
    ],
    [
      'fails where a value is there',
      wraps((inner) => {
        const seen = new Set<string>();
        return async (zone, records, options) => {
          if (seen.has(records[0]!.value)) throw new Error('exists');
          await inner.append(zone, records, options);
          seen.add(records[0]!.value);
        };
      }),
      /already there/,
    ],
    [
      'does not look at the signal',
      wraps((inner) => (zone, records) => inner.append(zone, records)),
      /aborted/,
    ],
    ['has another code', failing(() => new Error('memory: failed')), /ERR_DNS_CREDENTIALS/],
    [
      'reveals a secret',
      failing((error) =>
        Object.assign(new DnsError('ERR_DNS_CREDENTIALS', `memory: ${token}`), { cause: error }),
      ),
      /ERR_DNS_CREDENTIALS/,
    ],
    [
      'does not say when to come back',
      failing(
        (error) => new DnsError((error as DnsError).code, `memory: ${(error as Error).message}`),
      ),
      /ERR_DNS_RATE_LIMITED/,
    ],
    [
      'keeps trouble to itself',
      wraps(
        (inner) =>
          (...args) =>
            inner.append(...args).catch(() => {
              /* nothing is said */
            }),
      ),
      /nothing but errors/,
    ],
  ])('finds a provider that %s', async (_, broken, title) => {
    const clause = dnsProviderContract.find((candidate) => title.test(candidate.title))!;
    await expect(clause.check(subject(broken))).rejects.toThrow();
  });
});

describe('standIn', () => {
  it('shows a route the body as it came, also for a signature, and leaves XML as it is', async () => {
    const host = standIn({
      baseUrl: 'https://api.test',
      words,
      authorized: ({ headers, text }) => headers.get('signature') === `signed ${text}`,
      routes: { 'POST /echo': ({ body, text }) => ({ status: 200, body: { body, text } }) },
    });
    const send = async (type: string, body: string, signed = body) =>
      await (
        await host.fetch('https://api.test/echo', {
          method: 'POST',
          body,
          headers: { 'content-type': type, signature: `signed ${signed}` },
        })
      ).text();
    await expect(send('application/json', '{"a":1}')).resolves.toBe(
      '{"body":{"a":1},"text":"{\\"a\\":1}"}',
    );
    await expect(send('text/xml; charset=utf-8', '<a/>')).resolves.toBe(
      '{"body":"<a/>","text":"<a/>"}',
    );
    await expect(send('application/json', '{}', '[]')).resolves.toBe('');
  });
});
