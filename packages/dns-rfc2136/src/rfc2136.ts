import { randomInt } from 'node:crypto';
import {
  type Clock,
  type DurationInput,
  retry,
  type RetryPolicy,
  systemClock,
  withTimeLimit,
} from '@acmex/clock';
import {
  DnsError,
  type DnsOptions,
  type DnsProvider,
  recordName,
  reveal,
  type Secret,
  type TxtRecord,
} from '@acmex/dns';
import { errorCode } from '@acmex/errors';
import { type HostPort, parseHostPort } from '@acmex/identifier';
import { exchange } from './exchange.ts';
import { knownAlgorithm, readKeyFile } from './key-file.ts';
import { isSigned, signatureFault, signed, type SigningKey, type TsigAlgorithm } from './tsig.ts';
import { type Change, readAnswer, updateMessage } from './wire.ts';

export interface TsigKey {
  readonly name: string;
  /** hmac-sha256 by default. */
  readonly algorithm?: TsigAlgorithm;
  /** Base64, as `tsig-keygen` prints it. */
  readonly secret: Secret;
}

/** A key file of BIND, which is read for each update. */
export interface TsigKeyFile {
  readonly file: string;
}

export interface Rfc2136Options {
  /** The primary server of the zones: `host`, `host:port` or `[IPv6]:port`; port 53 by default. */
  readonly server: string;
  /** Without it the server goes by this machine's address. */
  readonly key?: TsigKey | TsigKeyFile;
  /** For one attempt of three; 10 seconds by default. */
  readonly limit?: DurationInput;
  readonly clock?: Clock;
}

const retries: RetryPolicy<void> = {
  attempts: 3,
  backoff: { first: { seconds: 1 }, longest: { seconds: 2 }, jitter: 0 },
  again: (outcome) => outcome.status === 'rejected' && errorCode(outcome.reason) === 'ERR_DNS_API',
};

/**
 * TXT records by dynamic update (RFC 2136) over TCP, signed by TSIG (RFC 8945): BIND, Knot,
 * PowerDNS, Windows. All records of a call, or none.
 */
export function rfc2136({
  server,
  key,
  limit = 'PT10S',
  clock = systemClock,
}: Rfc2136Options): DnsProvider {
  const address = parseHostPort(server, { defaultPort: 53 });
  if (!address)
    throw new RangeError(
      `${JSON.stringify(server)} is not a valid DNS server: write host, host:port or [IPv6]:port`,
    );
  const place = { ...address, text: server };
  const send = async (zone: string, changes: readonly Change[], { signal }: DnsOptions = {}) => {
    // An update that is made twice changes nothing more.
    await retry(clock, { ...retries, signal }, async () => {
      signal?.throwIfAborted();
      const signing = key && (await signingKey(key));
      const failure = await withTimeLimit({ clock, limit, signal }, (limited) =>
        update(place, { zone, changes, key: signing, clock, signal: limited }),
      ).catch((cause: unknown) => {
        signal?.throwIfAborted();
        return new DnsError(
          'ERR_DNS_API',
          `rfc2136: no answer from ${server} (${reasonOf(cause)}): check the address, and that it takes updates over TCP`,
          { cause },
        );
      });
      if (failure) throw failure;
    });
  };
  const change = async (
    action: Change['action'],
    zone: string,
    records: readonly TxtRecord[],
    options?: DnsOptions,
  ) => {
    const changes = records.map((record) => ({
      action,
      name: recordName(zone, record),
      value: record.value,
      ttl: record.ttl ?? 60,
    }));
    await send(zone, changes, options);
  };
  return {
    name: 'rfc2136',
    append: (zone, records, options) => change('add', zone, records, options),
    remove: (zone, records, options) => change('delete', zone, records, options),
    // An update without changes: the server verifies the key, and does nothing. RFC 2136 §3.4
    tryCredentials: (zone, options) => send(zone, [], options),
  };
}

interface Update {
  readonly zone: string;
  readonly changes: readonly Change[];
  readonly key: SigningKey | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Sends an update once; returns why it was not made. */
async function update(
  server: HostPort & { readonly text: string },
  { zone, changes, key, clock, signal }: Update,
): Promise<DnsError | undefined> {
  const id = randomInt(65_536);
  const seconds = () => Math.floor(clock.now().epochMilliseconds / 1000);
  const plain = updateMessage(id, zone, changes);
  const request = key ? signed(plain, key, seconds()) : { message: plain, mac: Buffer.alloc(0) };
  const bytes = await exchange(server, request.message, signal);
  const answer = readAnswer(bytes);
  const at = `rfc2136: ${server.text}`;
  const fault = signatureFault(answer);
  if (answer.id !== id)
    return new DnsError('ERR_DNS_API', `${at} answers another question: check what listens there`);
  if (fault !== undefined)
    return new DnsError(
      'ERR_DNS_CREDENTIALS',
      `${at} refuses the key ${key?.name ?? '(none)'}: ${fault}`,
    );
  if (answer.rcode === 0)
    return !key || isSigned(bytes, key, request.mac, seconds())
      ? undefined
      : new DnsError(
          'ERR_DNS_API',
          `${at} sent an answer that is not signed with the key ${key.name}: check what is between here and the server`,
        );
  return refusal(answer.rcode, at, zone, key);
}

/** RFC 2136 §2.2. */
function refusal(rcode: number, at: string, zone: string, key: SigningKey | undefined): DnsError {
  switch (rcode) {
    case 5:
      return new DnsError(
        'ERR_DNS_CREDENTIALS',
        `${at} lets ${key ? `the key ${key.name}` : 'no one without a key'} not write TXT records in ${zone} (REFUSED): check its update policy`,
      );
    case 9:
    case 10:
      return new DnsError(
        'ERR_DNS_ZONE_NOT_FOUND',
        `${at} is not a primary server of the zone ${zone} (${rcode === 9 ? 'NOTAUTH' : 'NOTZONE'}): check the name, and the server`,
      );
    default:
      return new DnsError(
        'ERR_DNS_API',
        `${at} made no update of ${zone} (${['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP'][rcode] ?? `code ${rcode}`}): see its log`,
      );
  }
}

async function signingKey(key: TsigKey | TsigKeyFile): Promise<SigningKey> {
  const { name, algorithm, secret } = 'file' in key ? await readKeyFile(key.file) : key;
  const text = await reveal(secret, { provider: 'rfc2136', what: `the secret of the key ${name}` });
  if (!/^[A-Za-z\d+/]+={0,2}$/.test(text))
    throw new DnsError(
      'ERR_DNS_CREDENTIALS',
      `rfc2136: the secret of the key ${name} is not base64: give it as tsig-keygen prints it`,
    );
  return {
    name,
    algorithm: knownAlgorithm(algorithm ?? 'hmac-sha256', name),
    secret: Buffer.from(text, 'base64'),
  };
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (!('code' in cause)) return cause.message;
  return cause.code === 'ERR_TIME_LIMIT' ? 'no answer within the time limit' : String(cause.code);
}
