import { type Clock, keyedMutex } from '@acmex/clock';
import {
  DnsError,
  type DnsOptions,
  type DnsProvider,
  type JsonApi,
  jsonApi,
  recordName,
} from '@acmex/dns';
import type { AcmednsAccount } from './account.ts';
import { readAccountsFile } from './accounts-file.ts';

export interface AcmednsOptions {
  /** The URL of acme-dns: `https://auth.example.org`. */
  readonly url: string;
  /** One for every name that `_acme-challenge` names lead to. */
  readonly accounts?: readonly AcmednsAccount[];
  /**
   * A JSON file with more accounts, as lego, cert-manager and acme-dns-auth.py store them. It is read
   * when an account is needed that is not known yet.
   */
  readonly accountsFile?: string;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

/** A name shows the last two values that were written, and no more. */
const held = 2;

/**
 * TXT records in acme-dns. The names to prove are aliases (CNAME) of the accounts' names, which the
 * challenge follows. acme-dns cannot remove: a value that was removed stays in sight until two
 * newer ones have pushed it out. A third value at one name, before one of two is removed, is
 * refused: it would push one out that is needed.
 * @see https://github.com/joohoi/acme-dns#update-endpoint
 */
export function acmedns({
  url,
  accounts = [],
  accountsFile,
  ...more
}: AcmednsOptions): DnsProvider {
  const mutex = keyedMutex();
  const places = new Map<string, Place>();
  const addPlaces = (added: readonly AcmednsAccount[]) => {
    for (const { fulldomain, subdomain, username, password } of added)
      if (!places.has(canonical(fulldomain))) {
        const headers = { 'x-api-user': username, 'x-api-key': password };
        const baseUrl = url.replace(/\/$/, '');
        const api = jsonApi({ provider: 'acmedns', baseUrl, headers, ...more });
        places.set(canonical(fulldomain), { api, subdomain, needed: new Set() });
      }
  };
  addPlaces(accounts);
  const placeOf = async (name: string) => {
    if (!places.has(name) && accountsFile !== undefined)
      addPlaces(await readAccountsFile(accountsFile));
    const place = places.get(name);
    if (place) return place;
    const known = [...places.keys()].join(', ') || 'none';
    throw new DnsError(
      'ERR_DNS_ZONE_NOT_FOUND',
      `acmedns: no account for ${name}, but for ${known}: make it an alias (CNAME) of one of these, or register an account`,
    );
  };
  return {
    name: 'acmedns',
    wholeNames: true,
    async append(zone, records, options = {}) {
      for (const record of records) {
        const name = canonical(recordName(zone, record));
        await mutex(
          name,
          async () => await show(await placeOf(name), name, record.value, options),
          options,
        );
      }
    },
    async remove(zone, records, options = {}) {
      options.signal?.throwIfAborted();
      for (const record of records)
        places.get(canonical(recordName(zone, record)))?.needed.delete(record.value);
    },
  };
}

interface Place {
  readonly api: JsonApi;
  readonly subdomain: string;
  /** What was written, and not removed since. */
  readonly needed: Set<string>;
}

async function show(
  { api, subdomain, needed }: Place,
  name: string,
  value: string,
  options: DnsOptions,
): Promise<void> {
  if (needed.has(value)) return;
  if (needed.size === held)
    throw new DnsError(
      'ERR_DNS_API',
      `acmedns: ${name} shows two values that are needed still, and can show no third: remove one first, or register another account`,
    );
  // Not repeatable: a value that is written twice pushes its neighbour out.
  const { txt } = await api('POST', '/update', {
    ...options,
    zone: name,
    body: { subdomain, txt: value },
    answer: { txt: '' },
  });
  if (txt !== value)
    throw new DnsError(
      'ERR_DNS_API',
      `acmedns: ${name} shows another value than was sent: see the log of acme-dns`,
    );
  needed.add(value);
}

function canonical(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
