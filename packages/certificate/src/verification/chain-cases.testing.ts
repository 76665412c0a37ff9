import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { Temporal } from 'temporal-polyfill';
import type { Profile } from './fault.ts';
import { type ChainVerification, verifyChain } from './verify-chain.ts';

/** A case in the format of x509-limbo. */
export interface ChainCase {
  readonly id: string;
  readonly validation_kind: 'SERVER' | 'CLIENT';
  readonly trusted_certs: readonly string[];
  readonly untrusted_intermediates: readonly string[];
  readonly peer_certificate: string;
  readonly validation_time: string | null;
  readonly max_chain_depth: number | null;
  readonly expected_peer_name: {
    readonly kind: 'DNS' | 'IP' | 'RFC822';
    readonly value: string;
  } | null;
  readonly expected_result: 'SUCCESS' | 'FAILURE';
}

/** Reads the cases of a file, also of a gzipped one. */
export function readChainCases(path: string): readonly ChainCase[] {
  const bytes = readFileSync(path);
  const text = path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
  return (JSON.parse(text.toString()) as { testcases: ChainCase[] }).testcases;
}

const types = { DNS: 'dns', IP: 'ip', RFC822: 'email' };

/** The instant of cases that name none. */
const usually = '2026-11-28T00:00:00Z';

export function runChainCase(entry: ChainCase): ChainVerification {
  const { expected_peer_name: name, max_chain_depth: depth } = entry;
  return verifyChain(entry.peer_certificate, {
    anchors: entry.trusted_certs,
    intermediates: entry.untrusted_intermediates,
    ...(name && { name: { type: types[name.kind], value: name.value } }),
    purpose: entry.validation_kind === 'CLIENT' ? 'clientAuth' : 'serverAuth',
    at: Temporal.Instant.from(entry.validation_time ?? usually),
    profile: profileOf(entry.id),
    ...(depth !== null && { maxIntermediates: depth }),
  });
}

function profileOf(id: string): Profile {
  return id.startsWith('webpki::') ? 'webpki' : 'rfc5280';
}

/** The table's column of a case. */
export function groupOf({ id }: ChainCase): string {
  const [suite = '', group] = id.split('::');
  if (suite === 'bettertls') return `BetterTLS ${group === 'pathbuilding' ? 'paths' : 'names'}`;
  return suite === 'rfc5280' && group === 'nc' ? 'rfc5280::nc' : suite;
}

/** Cases that verification answers differently, by a sentence of the rules. */
export const disagreements: Readonly<Record<string, string>> = Object.fromEntries(
  [
    'webpki::nc::nc-permits-dns-san-pattern',
    'webpki::san::exact-localhost-ip-san',
    'webpki::san::leftmost-wildcard-san',
  ].map((id) => [
    id,
    'The common name example.com is not in the subjectAltName. Baseline Requirements §7.1.4.3: “If present, this attribute MUST contain exactly one entry that is one of the values contained in the Certificate\u2019s subjectAltName extension.” The cases webpki::cn::* expect this rule.',
  ]),
);
