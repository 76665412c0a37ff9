// RFC 5280 §6.1.3 (d)–(f), §6.1.4 and §6.1.5, in the form without a tree of RFC 9618: which
// policies a path is valid under. Every policy is acceptable to us; a path fails only where one of
// its CAs demands a policy and none is left.
import { type CertificateFields, isSelfIssued } from '../certificate-fields.ts';
import type { CertificateRule, Fault } from '../fault.ts';
import { isCritical } from './form.ts';

const anyPolicy = '2.5.29.32.0';

/** RFC 5280 §4.2.1.11, §4.2.1.14: these limit what follows, so they are critical. */
const criticality: CertificateRule = (certificate, { profile }) => {
  if (profile === 'private') return undefined;
  const { policyConstraints, inhibitAnyPolicy } = certificate.known;
  const isMissing =
    (policyConstraints !== undefined && !isCritical(certificate, 'policyConstraints')) ||
    (inhibitAnyPolicy !== undefined && !isCritical(certificate, 'inhibitAnyPolicy'));
  if (!isMissing) return undefined;
  return {
    check: 'policies',
    expected: 'critical policy constraints',
    actual: 'ones that are not critical',
  };
};

export const policyRules: readonly CertificateRule[] = [criticality];

interface PolicyState {
  /** The policies that are left; `anyPolicy` alone for all of them. */
  valid: ReadonlySet<string>;
  /** How many certificates may follow before the state applies. */
  explicitPolicy: number;
  inhibitAnyPolicy: number;
  policyMapping: number;
}

/** @param path the leaf first, the anchor last */
export function policyFault(path: readonly CertificateFields[]): Fault | undefined {
  const demanding = path.some(
    ({ known }) => known.policyConstraints?.requireExplicitPolicy !== undefined,
  );
  if (!demanding) return undefined;
  const below = [...path].reverse().slice(1);
  const state: PolicyState = {
    valid: new Set([anyPolicy]),
    explicitPolicy: Infinity,
    inhibitAnyPolicy: Infinity,
    policyMapping: Infinity,
  };
  for (const [index, certificate] of below.entries()) {
    const isLeaf = index === below.length - 1;
    state.valid = validPolicies(state, certificate, isLeaf);
    if (!isLeaf) prepareNext(state, certificate);
    else if (certificate.known.policyConstraints?.requireExplicitPolicy === 0)
      state.explicitPolicy = 0;
    if (state.explicitPolicy <= 0 && state.valid.size === 0)
      return { check: 'policies', expected: 'a policy that all of the path has', actual: 'none' };
  }
  return undefined;
}

/** RFC 5280 §6.1.3 (d) and (e) */
function validPolicies(
  { valid, inhibitAnyPolicy }: PolicyState,
  certificate: CertificateFields,
  isLeaf: boolean,
): ReadonlySet<string> {
  const policies = certificate.known.certificatePolicies;
  if (!policies) return new Set();
  const permitsAny = inhibitAnyPolicy > 0 || (!isLeaf && isSelfIssued(certificate));
  if (policies.includes(anyPolicy) && permitsAny) return valid;
  const named = policies.filter((policy) => policy !== anyPolicy);
  return new Set(valid.has(anyPolicy) ? named : named.filter((policy) => valid.has(policy)));
}

/** RFC 5280 §6.1.4 (a), (b), (h)–(j) */
function prepareNext(state: PolicyState, certificate: CertificateFields): void {
  const { policyMappings = [], policyConstraints, inhibitAnyPolicy } = certificate.known;
  if (policyMappings.length > 0) state.valid = mapped(state, policyMappings);
  if (!isSelfIssued(certificate)) {
    state.explicitPolicy -= 1;
    state.policyMapping -= 1;
    state.inhibitAnyPolicy -= 1;
  }
  const { requireExplicitPolicy = Infinity, inhibitPolicyMapping = Infinity } =
    policyConstraints ?? {};
  state.explicitPolicy = Math.min(state.explicitPolicy, requireExplicitPolicy);
  state.policyMapping = Math.min(state.policyMapping, inhibitPolicyMapping);
  state.inhibitAnyPolicy = Math.min(state.inhibitAnyPolicy, inhibitAnyPolicy ?? Infinity);
}

function mapped(
  { valid, policyMapping }: PolicyState,
  mappings: readonly (readonly [string, string])[],
): ReadonlySet<string> {
  const sources = new Set(mappings.map(([issuer]) => issuer));
  const isLeft = (policy: string) => !sources.has(policy);
  if (policyMapping <= 0) return new Set([...valid].filter(isLeft));
  if (valid.has(anyPolicy)) return valid;
  const targets = mappings.flatMap(([issuer, subject]) => (valid.has(issuer) ? [subject] : []));
  return new Set([...[...valid].filter(isLeft), ...targets]);
}
