import { type Clock, type DurationInput, milliseconds } from '@acmex/clock';
import type { Temporal } from 'temporal-polyfill';
import {
  type CertificateSummary,
  type CurrentCertificate,
  type Generation,
  isDue,
  type ManagedCertificate,
} from './certificate-record.ts';
import type { CertificateStore } from './certificate-store.ts';
import { certificatesInUse, chainsInUse } from './key-pair.ts';
import { randomOf } from './renewal-time.ts';

/** What is known of the revocation of a certificate. */
export type RevocationAnswer =
  | { readonly status: 'good' }
  | {
      readonly status: 'revoked';
      readonly at: Temporal.Instant;
      /** As RFC 5280 §5.3.1 names it: `keyCompromise`. */
      readonly reason: string;
      /** What proves it, for a person: `an OCSP response`. */
      readonly proof: string;
    }
  | {
      readonly status: 'unknown';
      /** `later` by default. `never`: the certificate names no source. */
      readonly askAgain?: 'later' | 'never' | undefined;
    };

/** Finds out whether certificates are revoked. */
export interface RevocationSource {
  /** @param chain PEM, the leaf first */
  status(
    chain: string,
    options: { readonly signal?: AbortSignal | undefined },
  ): Promise<RevocationAnswer>;
}

/** After an answer that says nothing. */
const unknownPauseMs = 3_600_000;
/** How soon a second revocation in a row is followed by a renewal; each further one doubles it. */
const repeatedPauseMs = 24 * 3_600_000;

/**
 * Returns when to ask, RFC 3339: after three to five quarters of the interval, so that certificates
 * that were issued together are not asked for together; for short lifetimes after a tenth of it.
 */
function nextCheck(
  every: DurationInput,
  { serialNumber, notBefore, notAfter }: CurrentCertificate,
  { now, pauseMs = Infinity }: { readonly now: number; readonly pauseMs?: number },
): string {
  const lifetime = Date.parse(notAfter) - Date.parse(notBefore);
  const pause = Math.min(milliseconds(every), lifetime / 10, pauseMs);
  const share = 0.75 + randomOf(`${serialNumber}/${now}`) / 2;
  return new Date(now + Math.max(1000, Math.round(pause * share))).toISOString();
}

/**
 * Returns what the record of a certificate says about revocation when one was issued. The number of
 * revocations in a row stays where a revocation was the reason to renew.
 */
export function revocationAfterIssuance(
  { revocation, renewal }: CertificateSummary,
  current: CurrentCertificate,
  { every, now }: { readonly every: DurationInput | undefined; readonly now: number },
): CertificateSummary['revocation'] {
  const inRow = renewal?.cause === 'revoked' ? revocation?.inRow : undefined;
  const checkAt = every === undefined ? undefined : nextCheck(every, current, { now });
  return checkAt === undefined && inRow === undefined ? undefined : { checkAt, inRow };
}

/** Returns the record with its next check by another interval; without one it is not checked. */
export function withRevocationChecks(
  summary: CertificateSummary,
  { every, now }: { readonly every: DurationInput | undefined; readonly now: number },
): CertificateSummary {
  const { current, revocation } = summary;
  const isChecked = current !== undefined && current.revokedAt === undefined && every !== undefined;
  const checkAt = isChecked ? nextCheck(every, current, { now }) : undefined;
  return { ...summary, revocation: { ...revocation, checkAt } };
}

export interface RevocationCheckOptions {
  readonly certificates: CertificateStore;
  readonly source: RevocationSource | undefined;
  readonly every: DurationInput | undefined;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks whether a certificate is revoked, when this is due. A revoked one is renewed at once, the
 * second and further ones in a row after a pause: a CA that revokes each certificate issues only a
 * few. An answer that says nothing changes nothing.
 */
export async function checkRevocationIfDue(
  certificate: ManagedCertificate,
  { certificates, source, every, clock, signal }: RevocationCheckOptions,
): Promise<void> {
  const { id, current, order, revocation } = certificate;
  if (!current || order !== undefined || !isDue(revocation?.checkAt, clock.now())) return;
  const content = await certificates.generation(id, current.generation);
  const isAsked = current.revokedAt === undefined && !isDue(current.notAfter, clock.now());
  const answer: RevocationAnswer & { readonly serialNumber?: string } =
    source && every !== undefined && content && isAsked
      ? await answerForAll(content, current, { source, signal })
      : { status: 'unknown', askAgain: 'never' };
  const now = clock.now().epochMilliseconds;
  const pauseMs = answer.status === 'unknown' ? unknownPauseMs : undefined;
  const isFinal = answer.status === 'unknown' && answer.askAgain === 'never';
  const checkAt =
    every === undefined || isFinal ? undefined : nextCheck(every, current, { now, pauseMs });
  const isSame = (summary: CertificateSummary) =>
    summary.current?.generation === current.generation && summary.current.revokedAt === undefined;
  if (answer.status !== 'revoked') {
    await certificates.change(id, (summary) => ({
      ...summary,
      revocation: { ...summary.revocation, checkAt },
    }));
    return;
  }
  await certificates.change(
    id,
    (summary) => (isSame(summary) ? revoked(summary, answer, now) : summary),
    ({ renewal }) => ({
      type: 'revocation_detected',
      message: `${answer.proof} says that the certificate ${answer.serialNumber ?? ''} was revoked at ${answer.at}: ${answer.reason}. The renewal is due at ${renewal?.at}.`,
    }),
  );
}

/**
 * Returns what is known of all certificates in use: one that is revoked decides, then one of which
 * nothing is known. A pair is renewed together.
 */
async function answerForAll(
  content: Generation,
  current: CurrentCertificate,
  {
    source,
    signal,
  }: { readonly source: RevocationSource; readonly signal: AbortSignal | undefined },
): Promise<RevocationAnswer & { readonly serialNumber: string }> {
  const chains = chainsInUse(content);
  const inUse = certificatesInUse(current);
  const answers: (RevocationAnswer & { readonly serialNumber: string })[] = [];
  for (const [index, { chain }] of chains.entries()) {
    const { serialNumber } = inUse[index] ?? current;
    const answer = await source.status(chain, { signal });
    if (answer.status === 'revoked') return { ...answer, serialNumber };
    answers.push({ ...answer, serialNumber });
  }
  const isUnknown = (answer: RevocationAnswer) => answer.status === 'unknown';
  // Of a certificate that names no source, nothing is asked again; of the second of a pair it may be.
  const askable = answers.filter(
    (answer) => !(answer.status === 'unknown' && answer.askAgain === 'never'),
  );
  const [first = { status: 'unknown', askAgain: 'never', serialNumber: current.serialNumber }] = [
    ...askable.filter(isUnknown),
    ...askable,
  ];
  return first;
}

function revoked(
  summary: CertificateSummary,
  { at, reason }: Extract<RevocationAnswer, { status: 'revoked' }>,
  now: number,
): CertificateSummary {
  const { current, revocation } = summary;
  if (!current) return summary;
  const inRow = (revocation?.inRow ?? 0) + 1;
  const [issued, end] = [Date.parse(current.issuedAt), Date.parse(current.notAfter)];
  const pause = Math.min(repeatedPauseMs * 2 ** (inRow - 2), (end - issued) / 2);
  const renewAt = inRow === 1 ? now : Math.max(now, issued + pause);
  return {
    ...summary,
    current: { ...current, revokedAt: at.toString(), revocationReason: reason },
    revocation: { inRow },
    renewal: { at: new Date(renewAt).toISOString(), cause: 'revoked' },
  };
}
