import { errorText } from '@acmex/errors';
import type { Change, RootCertificate, TrustStore } from '@acmex/trust-stores';
import { codeOf } from '../exit-code.ts';
import { type Result, table } from '../output.ts';

/** What a store says of the root at the end. */
export interface Outcome extends Pick<TrustStore, 'kind' | 'title'> {
  readonly state: 'trusted' | 'absent' | 'not-available' | 'failed';
  /** What was done; nothing where nothing had to be done. */
  readonly change?: Change | undefined;
  /** Why the store is not available. */
  readonly reason?: string | undefined;
  /** Why it could not be read or changed. */
  readonly error?: unknown;
}

/**
 * Returns what the stores say of a root; unless it was removed also how Node.js trusts it, which
 * reads none of them.
 */
export function resultOf(
  outcomes: readonly Outcome[],
  {
    root: { file, certificate },
    isRemoved,
  }: { readonly root: RootCertificate; readonly isRemoved: boolean },
): Result {
  const rows = outcomes.map(({ kind, title, state, change, ...why }) => ({
    store: kind,
    state: stateText(state, change),
    where: title,
    reason: why.error === undefined ? why.reason : errorText(why.error),
  }));
  return {
    text: [
      table(rows.map(({ reason, ...row }) => row)),
      ...rows.flatMap(({ where, reason }) => (reason === undefined ? [] : [`${where}: ${reason}`])),
      ...(isRemoved ? [] : [`Node.js reads none of them: export NODE_EXTRA_CA_CERTS='${file}'`]),
    ].join('\n'),
    document: {
      root: {
        file,
        subject: certificate.subject,
        sha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
        notAfter: new Date(certificate.validTo).toISOString(),
      },
      stores: outcomes.map(({ kind, title, state, change, reason, error }) => ({
        ...{ store: kind, title, state, change: change ?? null },
        ...(reason === undefined ? {} : { reason }),
        ...(error === undefined
          ? {}
          : { error: { code: codeOf(error), message: errorText(error) } }),
      })),
      environment: { NODE_EXTRA_CA_CERTS: file },
    },
    rows,
  };
}

function stateText(state: Outcome['state'], change: Change | undefined): string {
  if (change === undefined) return state === 'not-available' ? 'not available' : state;
  return change === 'add' ? 'trusted (added)' : 'absent (removed)';
}
