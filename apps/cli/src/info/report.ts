import { type CertificateInfo, spkiPin } from '@acmex/certificate';
import type { SctVerification } from '@acmex/certificate/certificate-transparency';
import { namedExtensions, purposeName } from '@acmex/certificate/structure';
import type { Clock } from '@acmex/clock';
import { printable } from '@acmex/errors';
import type { ServedStatus } from '@acmex/manager';
import { chainTree } from '../chain-tree.ts';
import { anchorText } from '../trust.ts';
import { sctTexts } from './certificate-transparency.ts';
import type { Checks } from './checks.ts';
import type { Subject } from './subject.ts';

/** How the text is laid out. */
export interface Layout {
  readonly clock: Clock;
  /** The columns of the terminal; absent elsewhere, where lines are not broken. */
  readonly columns?: number | undefined;
}

type Line = readonly [label: string, text: string];

const labelWidth = 12;

/** What was found out about a subject. */
export interface Results {
  readonly checks: Checks | undefined;
  readonly scts: readonly SctVerification[];
  /** Whether SCTs are asked for, so that their absence is a result. */
  readonly expectsScts: boolean;
}

/** Returns what a person reads: the leaf, its issuers, the chain as a tree, and the checks. */
export function toText(subject: Subject, results: Results, layout: Layout): string {
  const { checks } = results;
  const [leaf, ...further] = subject.chain;
  const [second] = subject.second ?? [];
  const path = pathIn(subject.chain);
  const blocks = [
    [
      ...sourceLines(subject),
      ...(leaf ? leafLines(leaf, layout) : []),
      ...sctLines(results),
      ...keyLines(subject),
    ],
    ...(second ? [furtherLines('second key', second, layout)] : []),
    ...further
      .slice(0, listLimit)
      .map((certificate) => furtherLines(roleIn(path, certificate), certificate, layout)),
    ...(further.length > listLimit ? [[moreLine(further.length - listLimit)]] : []),
    [...treeLines(subject.chain, path), ...(checks ? checkLines(checks) : [])],
  ];
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => formatLine(line, layout)).join('\n'))
    .join('\n\n');
}

/** Indents the further lines of a text, and breaks long ones on a terminal. */
function formatLine([label, text]: Line, { columns }: Layout): string {
  const width = Math.max(20, (columns ?? Infinity) - labelWidth - 1);
  const lines = text.split('\n').flatMap((line) => wrapLine(line, width));
  return lines
    .map((line, index) => `${(index === 0 ? label : '').padEnd(labelWidth)} ${line}`.trimEnd())
    .join('\n');
}

/** Breaks a line at spaces, and indents what follows as far as the text of a tree. */
function wrapLine(text: string, width: number): readonly string[] {
  const [indent = ''] = /^(?: *└─ )?/.exec(text) ?? [];
  const lines: string[] = [];
  let line = '';
  for (const word of text.slice(indent.length).split(/(?<=\S )/)) {
    if (line !== '' && indent.length + line.length + word.trimEnd().length > width) {
      lines.push(line.trimEnd());
      line = '';
    }
    line += word;
  }
  return [...lines, line].map(
    (content, index) => `${index === 0 ? indent : ' '.repeat(indent.length)}${content}`,
  );
}

/** How much of a long list a person sees: a certificate may have thousands of names. */
const listLimit = 20;

/** Returns the first texts of a list, and how many more there are. */
function shorten(texts: readonly string[]): readonly string[] {
  const more = texts.length - listLimit;
  return more > 0 ? [...texts.slice(0, listLimit), `and ${more} more (--json has all)`] : texts;
}

function sourceLines({ served, managed }: Subject): readonly Line[] {
  if (managed) return [['managed', `${managed.id}`]];
  if (!served) return [];
  const { host, port, address, serverName, protocol, cipher, ocspResponse } = served;
  const name = serverName === undefined ? '' : `, name ${printable(serverName, 255)}`;
  return [
    [
      'server',
      `${printable(host, 255)}${host === address ? '' : `, ${address}`}, port ${port}${name}`,
    ],
    ['connection', `${protocol}, ${printable(cipher, 100)}, ${served.durationMs} ms`],
    ['stapled', ocspResponse ? `an OCSP response of ${ocspResponse.length} bytes` : 'nothing'],
  ];
}

function leafLines(certificate: CertificateInfo, layout: Layout): readonly Line[] {
  const names = shorten(allNames(certificate).map((name) => printable(name, 255))).join(', ');
  return [
    ['certificate', printable(certificate.subject || '(no subject)', 300)],
    ['names', names || '(none)'],
    ['issued by', printable(certificate.issuer || '(no issuer name)', 300)],
    ...validityLines(certificate, layout),
    ['key', certificate.keyType],
    ['purposes', shorten(purposesOf(certificate)).join(', ') || 'any'],
    ['serial', certificate.serialNumber],
    ['extensions', shorten(extensionTexts(certificate)).join(', ') || '(none)'],
    ['SHA-256', certificate.fingerprint],
    ['SPKI pin', spkiPin(certificate)],
  ];
}

function furtherLines(
  role: Role | 'second key',
  certificate: CertificateInfo,
  layout: Layout,
): readonly Line[] {
  return [
    [role, printable(certificate.subject || '(no subject)', 300)],
    ['issued by', printable(certificate.issuer || '(no issuer name)', 300)],
    ...validityLines(certificate, layout),
    ['key', certificate.keyType],
    ['serial', certificate.serialNumber],
    ['SHA-256', certificate.fingerprint],
  ];
}

function moreLine(count: number): Line {
  return ['', `and ${count} more certificates (--json has all)`];
}

function validityLines(certificate: CertificateInfo, { clock, columns }: Layout): readonly Line[] {
  const { notBefore, notAfter } = certificate;
  const period = `${notBefore} to ${notAfter} (${validity(certificate, clock)})`;
  if (columns === undefined) return [['valid', period]];
  return [
    ['valid', period],
    ['', lifetimeBar(certificate, clock, Math.min(40, Math.max(10, columns - 40)))],
  ];
}

function validity({ notBefore, notAfter }: CertificateInfo, clock: Clock): string {
  const now = clock.now();
  if (now.epochMilliseconds < notBefore.epochMilliseconds) return 'not valid yet';
  const leftMs = notAfter.epochMilliseconds - now.epochMilliseconds;
  if (leftMs < 0) return `expired ${Math.floor(-leftMs / dayMs)} days ago`;
  return leftMs < 2 * dayMs
    ? `${Math.floor(leftMs / 3_600_000)} hours left`
    : `${Math.floor(leftMs / dayMs)} days left`;
}

const dayMs = 86_400_000;

/** Draws how much of the lifetime is over. */
function lifetimeBar(
  { notBefore, notAfter }: CertificateInfo,
  clock: Clock,
  width: number,
): string {
  const start = notBefore.epochMilliseconds;
  const length = Math.max(1, notAfter.epochMilliseconds - start);
  const over = Math.min(1, Math.max(0, (clock.now().epochMilliseconds - start) / length));
  const filled = Math.round(over * width);
  return `${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${Math.floor(over * 100)}% of the lifetime is over`;
}

function sctLines({ scts, expectsScts }: Results): readonly Line[] {
  if (scts.length === 0) return expectsScts ? [['SCT', '(none)']] : [];
  return sctTexts(scts).map((text): Line => ['SCT', text]);
}

function keyLines({ key }: Subject): readonly Line[] {
  if (!key) return [];
  const texts = {
    matches: 'the private key in this file belongs to the certificate',
    differs: 'the private key in this file does NOT belong to the certificate',
    unreadable: `the private key in this file is not compared: ${key.reason ?? 'no reason'}`,
  };
  return [['key match', texts[key.match]]];
}

/** Shows the chain from the leaf as far as it goes, then what does not belong to it. */
function treeLines(
  chain: readonly CertificateInfo[],
  path: readonly CertificateInfo[],
): readonly Line[] {
  const last = path.at(-1);
  const strays = chain.filter((certificate) => !path.includes(certificate));
  const missing = last && last.issuer !== last.subject ? [`${last.issuer} (not included)`] : [];
  return [
    ['chain', chainTree(shorten([...path.map(({ subject }) => subject), ...missing]))],
    ...shorten(
      strays.map(
        ({ subject }) =>
          `${printable(subject || '(no subject)', 300)} is repeated, or not an issuer of the chain`,
      ),
    ).map((text): Line => ['unrelated', text]),
  ];
}

/** What a certificate is for the leaf of its chain. */
type Role = 'leaf' | 'issuer' | 'unrelated';

function roleIn(path: readonly CertificateInfo[], certificate: CertificateInfo): Role {
  const index = path.indexOf(certificate);
  if (index === 0) return 'leaf';
  return index > 0 ? 'issuer' : 'unrelated';
}

/** Follows the names of issuers. Whether the signatures are right is for `--check`. */
function pathIn([leaf, ...rest]: readonly CertificateInfo[]): readonly CertificateInfo[] {
  const path = leaf ? [leaf] : [];
  for (let current = leaf; current && current.issuer !== current.subject;) {
    const { issuer } = current;
    current = rest.find((entry) => entry.subject === issuer && !path.includes(entry));
    if (current) path.push(current);
  }
  return path;
}

function checkLines({ chain, revocation, second, served }: Checks): readonly Line[] {
  const ofSecond = (text: string): Line => ['', `of the second key: ${text}`];
  return [
    ['trust', trustText(chain)],
    ...(second ? [ofSecond(trustText(second.chain))] : []),
    ['revocation', revocationText(revocation)],
    ...(second ? [ofSecond(revocationText(second.revocation))] : []),
    ...(served ?? []).map((server): Line => ['served', servedText(server)]),
  ];
}

function trustText(chain: Checks['chain']): string {
  return chain.status === 'valid'
    ? `valid, to ${printable(chain.anchor.subject, 300)}, ${anchorText(chain.anchor)}`
    : `NOT valid: ${chain.reason}`;
}

function revocationText(revocation: Checks['revocation']): string {
  if (revocation.status === 'unknown') return `unknown: ${revocation.reason}`;
  if (revocation.status === 'revoked')
    return `REVOKED at ${revocation.at}, by ${revocation.source}: ${revocation.reason}`;
  const until = revocation.until === undefined ? '' : `, until ${revocation.until}`;
  return `good, by ${revocation.source}${until}`;
}

function servedText(server: ServedStatus): string {
  const at = server.address === undefined ? '' : ` at ${server.address}`;
  const name = `${printable(server.host, 255)}:${server.port}${at}`;
  if (server.status === 'same') return `${name} serves it`;
  return server.status === 'different'
    ? `${name} serves a DIFFERENT certificate, serial ${server.serialNumber}`
    : `${name}: unknown: ${server.reason}`;
}

function allNames({ identifiers, otherNames }: CertificateInfo): readonly string[] {
  return [...identifiers.map(({ value }) => value), ...otherNames];
}

/** What the key may be used for; empty for anything. RFC 5280 §4.2.1.12 */
function purposesOf({ extendedKeyUsage = [] }: CertificateInfo): readonly string[] {
  return extendedKeyUsage.map(purposeName);
}

function extensionTexts(certificate: CertificateInfo): readonly string[] {
  return namedExtensions(certificate).map(
    ({ id, name, critical }) => `${name ?? id}${critical ? ' (critical)' : ''}`,
  );
}

/** Returns what a program reads of the certificates, in their order. */
export function certificateDocuments(chain: readonly CertificateInfo[], clock: Clock) {
  const path = pathIn(chain);
  return chain.map((certificate) => ({
    ...certificateDocument(certificate, clock),
    role: roleIn(path, certificate),
  }));
}

function certificateDocument(certificate: CertificateInfo, clock: Clock) {
  const { subject, issuer, serialNumber, keyType, fingerprint, isCa, mustStaple } = certificate;
  const { notBefore, notAfter } = certificate;
  const leftMs = notAfter.epochMilliseconds - clock.now().epochMilliseconds;
  return {
    subject,
    issuer,
    names: allNames(certificate),
    serialNumber,
    notBefore: notBefore.toString(),
    notAfter: notAfter.toString(),
    daysLeft: Math.floor(leftMs / dayMs),
    keyType,
    purposes: purposesOf(certificate),
    fingerprint,
    spkiPin: spkiPin(certificate),
    isCa,
    mustStaple,
    extensions: namedExtensions(certificate),
  };
}

/** Returns where the certificates are from, as a program reads it. */
export function sourceDocument({ file, key, served, managed }: Subject) {
  return {
    ...(file !== undefined && { file }),
    ...(key && { privateKey: key.match }),
    ...(key?.reason !== undefined && { privateKeyReason: key.reason }),
    ...(managed && { managed }),
    ...(served && { server: serverDocument(served) }),
  };
}

function serverDocument({ ocspResponse, chain, at, ...server }: NonNullable<Subject['served']>) {
  return {
    ...server,
    certificates: chain.length,
    isStapled: ocspResponse !== undefined,
    ...(ocspResponse && { ocspResponseBytes: ocspResponse.length }),
    at: at.toString(),
  };
}
