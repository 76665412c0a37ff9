import { printable } from '@acmex/errors';
import type { Conversation } from './conversation.ts';
import { ProbeError } from './errors.ts';

/** Protocols that begin in plain text, and change to TLS by a command. */
export const startTlsProtocols = ['smtp', 'imap', 'pop3', 'ldap', 'postgresql', 'mysql'] as const;
export type StartTlsProtocol = (typeof startTlsProtocols)[number];

/**
 * Asks a server for TLS in its protocol; the handshake may begin when it resolves.
 * @throws ProbeError `ERR_PROBE_STARTTLS` when it refuses or answers in a different protocol
 */
export async function startTls(
  protocol: StartTlsProtocol,
  conversation: Conversation,
): Promise<void> {
  await dialogs[protocol](conversation);
}

const dialogs: Readonly<Record<StartTlsProtocol, (wire: Conversation) => Promise<void>>> = {
  smtp,
  imap,
  pop3,
  ldap,
  postgresql,
  mysql,
};

function refusal(protocol: StartTlsProtocol, answer: string): ProbeError {
  return new ProbeError(
    'ERR_PROBE_STARTTLS',
    `the server does not start TLS by ${protocol}: it answered "${printable(answer, 200)}"; enable TLS for ${protocol} in the server, or use the protocol that it speaks`,
  );
}

/** RFC 3207 */
async function smtp(wire: Conversation): Promise<void> {
  await smtpReply(wire, '220');
  wire.send('EHLO probe.invalid\r\n');
  const features = await smtpReply(wire, '250');
  if (!features.some((line) => /^250[ -]STARTTLS\s*$/i.test(line)))
    throw refusal('smtp', `${features[0]}, without STARTTLS`);
  wire.send('STARTTLS\r\n');
  await smtpReply(wire, '220');
}

/** Reads a reply, which may have several lines. RFC 5321 §4.2.1 */
async function smtpReply(wire: Conversation, code: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for (;;) {
    const line = await wire.line();
    lines.push(line);
    if (!line.startsWith(code)) throw refusal('smtp', line);
    if (line[3] !== '-') return lines;
  }
}

/** RFC 9051 §6.2.1 */
async function imap(wire: Conversation): Promise<void> {
  const greeting = await wire.line();
  if (!/^\* OK/i.test(greeting)) throw refusal('imap', greeting);
  wire.send('a1 STARTTLS\r\n');
  for (;;) {
    const line = await wire.line();
    if (/^a1 OK/i.test(line)) return;
    if (!line.startsWith('* ')) throw refusal('imap', line);
  }
}

/** RFC 2595 §4 */
async function pop3(wire: Conversation): Promise<void> {
  const expectOk = (line: string) => {
    if (!line.startsWith('+OK')) throw refusal('pop3', line);
  };
  expectOk(await wire.line());
  wire.send('STLS\r\n');
  expectOk(await wire.line());
}

const startTlsOperation = '1.3.6.1.4.1.1466.20037';

/** RFC 4511 §4.14 */
async function ldap(wire: Conversation): Promise<void> {
  const name = Buffer.from(startTlsOperation);
  // LDAPMessage { messageID 1, extendedReq [APPLICATION 23] { requestName [0] } }
  const request = [0x77, name.length + 2, 0x80, name.length, ...name];
  wire.send(Buffer.from([0x30, request.length + 3, 0x02, 0x01, 0x01, ...request]));
  const body = await wire.bytes(await berLength(wire));
  // The answer to message 1, extendedResp [APPLICATION 24], resultCode success
  const [, , , tag, firstLength = 0] = body;
  const start = 5 + (firstLength > 0x80 ? firstLength - 0x80 : 0);
  const isSuccess = tag === 0x78 && body.subarray(start, start + 3).equals(success);
  if (!isSuccess) throw refusal('ldap', ldapDiagnosis(body));
}

const success = Buffer.of(0x0a, 0x01, 0x00);

/** Reads the tag and length of a SEQUENCE. */
async function berLength(wire: Conversation): Promise<number> {
  const header = await wire.bytes(2);
  const [tag, length = 0] = header;
  if (tag !== 0x30 || length === 0x80 || length > 0x84)
    throw refusal('ldap', header.toString('latin1'));
  if (length < 0x80) return length;
  const bytes = length - 0x80;
  return (await wire.bytes(bytes)).readUIntBE(0, bytes);
}

/** Returns what is readable in an answer: the diagnostic message. */
function ldapDiagnosis(body: Buffer): string {
  return (
    body
      .toString('latin1')
      .match(/[ -~]{4,}/g)
      ?.join(' ') ?? 'a result that is not success'
  );
}

/** https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL */
async function postgresql(wire: Conversation): Promise<void> {
  wire.send(Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]));
  const answer = (await wire.bytes(1)).toString('latin1');
  if (answer !== 'S') throw refusal('postgresql', answer);
}

const mysqlCapabilities = { protocol41: 0x200, ssl: 0x800, secureConnection: 0x8000 };

/** https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html */
async function mysql(wire: Conversation): Promise<void> {
  const header = await wire.bytes(4);
  const length = header.readUIntLE(0, 3);
  const greeting = length <= 4096 ? await wire.bytes(length) : header;
  // Protocol 10, a version that ends with 0, then 4 + 8 + 1 bytes before the capabilities
  const endOfVersion = greeting.indexOf(0, 1);
  const isGreeting = greeting[0] === 10 && endOfVersion > 0 && greeting.length >= endOfVersion + 16;
  if (!isGreeting) throw refusal('mysql', greeting.subarray(3).toString('latin1'));
  const capabilities = greeting.readUInt16LE(endOfVersion + 14);
  if (!(capabilities & mysqlCapabilities.ssl))
    throw refusal('mysql', `version ${greeting.toString('latin1', 1, endOfVersion)}, without TLS`);
  const { protocol41, ssl, secureConnection } = mysqlCapabilities;
  const request = Buffer.alloc(36);
  request.writeUIntLE(32, 0, 3);
  request.writeUInt8(1, 3);
  request.writeUInt32LE(protocol41 | ssl | secureConnection, 4);
  request.writeUInt32LE(0x1000000, 8);
  request.writeUInt8(45, 12);
  wire.send(request);
}
