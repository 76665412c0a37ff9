import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import dnsPacket, { type Answer, type StringAnswer } from 'dns-packet';

/**
 * What the server answers to a question: records, or an RCODE such as 2 (SERVFAIL). A function sees
 * whether the client disables the checks of signatures (the bit CD, RFC 4035 §3.2.2).
 */
export type DnsAnswer =
  | readonly Answer[]
  | number
  | ((question: { readonly isCheckingDisabled: boolean }) => readonly Answer[] | number);

/** Answers by question: `TXT a.test`. What is not there does not exist. */
export type DnsZone = Readonly<Record<string, DnsAnswer>>;

/** A name server on a free port of 127.0.0.1. */
export interface DnsServer extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  /** The questions that came. */
  readonly asked: readonly string[];
}

/**
 * Starts a name server with exactly these answers. It follows CNAME records as a resolver
 * does, those of wildcards too.
 * @param zone may change while the server runs
 */
export async function startDnsServer(zone: DnsZone): Promise<DnsServer> {
  const asked: string[] = [];
  const socket = createSocket('udp4', (message: Buffer, { port, address }: RemoteInfo) => {
    const { id, flags = 0, questions = [] } = dnsPacket.decode(message);
    const [{ type = 'A', name = '' } = {}] = questions;
    asked.push(`${type} ${name}`);
    const isCheckingDisabled = (flags & dnsPacket.CHECKING_DISABLED) !== 0;
    const answer = answerOf(zone, { type, name }, isCheckingDisabled);
    const code = typeof answer === 'number' ? answer : 0;
    const response = dnsPacket.encode({
      type: 'response',
      id,
      flags: dnsPacket.AUTHORITATIVE_ANSWER | code,
      questions,
      answers: typeof answer === 'number' ? [] : [...answer],
    });
    socket.send(response, port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}

const notFound = 3;

/** Returns the alias of a name, or that of a wildcard `*.` above a name that has no records. */
function aliasOf(zone: DnsZone, name: string): StringAnswer | undefined {
  const exists = Object.keys(zone).some((question) => question.endsWith(` ${name}`));
  const wildcard = name.replace(/^[^.]+/, '*');
  const entry = zone[`CNAME ${exists ? name : wildcard}`];
  const [record] = Array.isArray(entry) ? (entry as readonly Answer[]) : [];
  return record?.type === 'CNAME' ? { ...record, name } : undefined;
}

function answerOf(
  zone: DnsZone,
  { type, name }: { readonly type: string; readonly name: string },
  isCheckingDisabled: boolean,
  depth = 0,
): readonly Answer[] | number {
  const entry = zone[`${type} ${name}`];
  if (entry !== undefined)
    return typeof entry === 'function' ? entry({ isCheckingDisabled }) : entry;
  const record = aliasOf(zone, name);
  if (!record || depth > 8) return notFound;
  if (type === 'CNAME') return [record];
  const target = answerOf(zone, { type, name: record.data }, isCheckingDisabled, depth + 1);
  // An alias exists, also where its target does not.
  if (target === notFound) return [record];
  return typeof target === 'number' ? target : [record, ...target];
}
