import type { components } from '@acmex/api';

export type ChainMember = components['schemas']['ChainMember'];
type ValidChain = Extract<
  components['schemas']['CertificateStatus']['chain'],
  { readonly status: 'valid' }
>;

/** A certificate of a chain, with what issued it. */
export interface ChainNode {
  readonly role: 'leaf' | 'intermediate' | 'root';
  readonly subject: string;
  /** SHA-256; undefined for one of which only the name is known. */
  readonly fingerprint?: string | undefined;
  /** What it says; undefined where the chain does not include it. */
  readonly member?: ChainMember | undefined;
  /** Whether the server's check ended at it, as the root that is trusted. */
  readonly isTrusted: boolean;
}

/**
 * Returns a chain from the certificate to its root. The root, which chains rarely include, is that of
 * the server's check, or only a name.
 *
 * @param chain the certificate, then its issuers
 * @param anchor the trusted root, where the check found one
 */
export function chainNodes(
  chain: readonly ChainMember[],
  anchor?: ValidChain['anchor'],
): readonly ChainNode[] {
  const nodes = chain.map((member, index): ChainNode => ({
    role: roleOf(member, index),
    subject: member.subject,
    fingerprint: member.fingerprint,
    member,
    isTrusted: member.fingerprint === anchor?.fingerprint,
  }));
  const last = chain.at(-1);
  if (!last || last.subject === last.issuer || nodes.some(({ isTrusted }) => isTrusted))
    return nodes;
  const known = anchor?.subject === last.issuer ? anchor : undefined;
  return [
    ...nodes,
    {
      role: 'root',
      subject: last.issuer,
      fingerprint: known?.fingerprint,
      isTrusted: known !== undefined,
    },
  ];
}

function roleOf({ subject, issuer }: ChainMember, index: number): ChainNode['role'] {
  if (index === 0) return 'leaf';
  return subject === issuer ? 'root' : 'intermediate';
}
