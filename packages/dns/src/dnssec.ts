import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { getServers } from 'node:dns';
import { isIPv6 } from 'node:net';
import { type Clock, withTimeLimit } from '@acmex/clock';
import { DnsError } from './errors.ts';
import type { DnsOptions } from './provider.ts';

/**
 * What a resolver says of the signatures of a name. RFC 4033 §5
 * `secure`: they are valid. `bogus`: they are wrong, or missing where the parent zone requires
 * them. `unproven`: the name is not signed, or the resolver does not validate, or it does not
 * answer.
 */
export type DnssecStatus = 'secure' | 'bogus' | 'unproven';

export interface DnssecOptions extends DnsOptions {
  readonly clock: Clock;
  /** `address` or `address:port`, IPv6 in brackets; the first of the system's by default. */
  readonly server?: string | undefined;
}

const servFail = 2;

/**
 * Asks a resolver whether the signatures of a name's TXT records, or of their absence, are valid. A
 * resolver that validates answers SERVFAIL if they are wrong, and answers if it is asked not to
 * check them (RFC 4035 §3.2.2, §5.5).
 */
export async function dnssecStatus(name: string, options: DnssecOptions): Promise<DnssecStatus> {
  const checked = await flagsOfAnswer(name, { ...options, checkingDisabled: false });
  if (checked === undefined) return 'unproven';
  if (checked.code !== servFail) return checked.isAuthentic ? 'secure' : 'unproven';
  const unchecked = await flagsOfAnswer(name, { ...options, checkingDisabled: true });
  return unchecked === undefined || unchecked.code === servFail ? 'unproven' : 'bogus';
}

/** Returns the error for a name whose signatures are wrong. */
export function bogusZone(name: string): DnsError {
  return new DnsError(
    'ERR_DNS_BOGUS',
    `${name}: its zone is bogus: the resolver finds its DNSSEC signatures wrong, and public CAs, which must validate them, issue no certificate by any challenge: sign the zone again, or correct its DS record at the registrar`,
  );
}

interface AnswerFlags {
  readonly code: number;
  /** The bit AD: the resolver has validated the answer. */
  readonly isAuthentic: boolean;
}

interface Question extends DnssecOptions {
  readonly checkingDisabled: boolean;
}

/** Returns the flags of the answer; undefined without an answer to three questions. */
async function flagsOfAnswer(name: string, question: Question): Promise<AnswerFlags | undefined> {
  const { clock, signal } = question;
  for (let attempt = 1; attempt <= 3; attempt++) {
    try {
      return await withTimeLimit({ clock, limit: 'PT3S', signal }, async (limited) => {
        return await askOnce(name, question, limited);
      });
    } catch {
      signal?.throwIfAborted();
    }
  }
  return undefined;
}

async function askOnce(
  name: string,
  { server = getServers()[0] ?? '127.0.0.1', checkingDisabled }: Question,
  signal: AbortSignal,
): Promise<AnswerFlags> {
  const { address, port } = addressAndPort(server);
  const id = randomInt(0x10000);
  const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', signal });
  try {
    return await new Promise<AnswerFlags>((resolve, reject) => {
      socket.on('error', reject).on('close', () => reject(new Error('no answer')));
      socket.on('message', (answer) => {
        if (answer.length < 12 || answer.readUInt16BE(0) !== id) return;
        const flags = answer.readUInt16BE(2);
        resolve({ code: flags & 0xf, isAuthentic: (flags & 0x20) !== 0 });
      });
      socket.connect(port, address, () => socket.send(question(id, name, checkingDisabled)));
    });
  } finally {
    socket.removeAllListeners('close');
    if (!signal.aborted) socket.close();
  }
}

/**
 * Returns a question for TXT records, with the bits RD, AD and perhaps CD, and with EDNS, whose bit
 * DO asks for signatures. RFC 1035 §4.1, RFC 6840 §5.7, RFC 6891 §6.1
 */
function question(id: number, name: string, checkingDisabled: boolean): Buffer {
  const flags = 0x0120 | (checkingDisabled ? 0x10 : 0);
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([
    numbers(id, flags, 1, 0, 0, 1),
    ...labels.map((label) => Buffer.from([label.length, ...Buffer.from(label, 'latin1')])),
    Buffer.from([0]),
    numbers(16, 1),
    Buffer.from([0]),
    numbers(41, 1232, 0, 0x8000, 0),
  ]);
}

function numbers(...values: readonly number[]): Buffer {
  return Buffer.from(values.flatMap((value) => [value >> 8, value & 0xff]));
}

function addressAndPort(server: string): { readonly address: string; readonly port: number } {
  if (isIPv6(server)) return { address: server, port: 53 };
  const [, address = server, port = '53'] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(server) ?? [];
  return { address, port: Number(port) };
}
