import type { Clock } from '@acmex/clock';
import { createHash } from 'node:crypto';
import type { Identifier } from '@acmex/identifier';
import { type ChallengeType, challengeTypes } from '@acmex/protocol';
import type { DraftChallengeType } from '@acmex/protocol/drafts';
import type { Storage, Stored } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import type { ProblemDocument } from './problems.ts';
import { id, identifier, problem, recordsOf, time } from './stored.ts';
import * as z from 'zod';

export interface ChallengeRecord {
  readonly type: ChallengeType | DraftChallengeType;
  /** Absent in types that need none. */
  readonly token?: string | undefined;
  readonly status: 'pending' | 'processing' | 'valid' | 'invalid';
  /**
   * `token.thumbprint` with the account's key at the time when the client said that it is ready.
   */
  readonly keyAuthorization?: string | undefined;
  /** When that was; RFC 3339. */
  readonly since?: string | undefined;
  readonly validated?: string | undefined;
  readonly error?: ProblemDocument | undefined;
}

export interface AuthorizationRecord {
  readonly account: string;
  /** Without `*.`. */
  readonly identifier: Identifier;
  readonly wildcard: boolean;
  /** Serves for the names below too. RFC 9444 */
  readonly subdomains: boolean;
  /** Made before an order, so that later ones can use it. RFC 8555 §7.4.1 */
  readonly beforeOrder: boolean;
  readonly status: 'pending' | 'valid' | 'invalid' | 'deactivated';
  /** RFC 3339 */
  readonly expires: string;
  readonly challenges: readonly ChallengeRecord[];
}

export const authorizations = recordsOf<AuthorizationRecord>(
  'authorization',
  z.looseObject({
    account: id,
    identifier,
    wildcard: z.boolean(),
    subdomains: z.boolean(),
    beforeOrder: z.boolean(),
    status: z.enum(['pending', 'valid', 'invalid', 'deactivated']),
    expires: time,
    challenges: z.array(
      z.looseObject({
        type: z.enum([...challengeTypes, 'dns-account-01', 'dns-persist-01']),
        token: z.string().optional(),
        status: z.enum(['pending', 'processing', 'valid', 'invalid']),
        keyAuthorization: z.string().optional(),
        since: time.optional(),
        validated: time.optional(),
        error: problem.optional(),
      }),
    ),
  }),
);
/**
 * What is valid, by account and what it covers: one look-up shows whether a name needs no new
 * proof.
 */
export const validAuthorizations = recordsOf<{ readonly authorization: string }>(
  'valid-authorization',
  z.looseObject({ authorization: id }),
);
/**
 * Validations under way: `<authorization>/<challenge type>`. A start finds here what the last one
 * left.
 */
export const validations = recordsOf<{ readonly since: string }>(
  'validation',
  z.looseObject({ since: time }),
);

/** The status as of now: what time does is not written. RFC 8555 §7.1.6 */
export function statusOf(
  { status, expires }: AuthorizationRecord,
  now: Temporal.Instant,
): AuthorizationRecord['status'] | 'expired' {
  if (
    Temporal.Instant.compare(expires, now) > 0 ||
    status === 'invalid' ||
    status === 'deactivated'
  )
    return status;
  return status === 'valid' ? 'expired' : 'invalid';
}

type Covered = 'name' | 'wildcard' | 'subdomains';

/** Under which ids of `validAuthorizations` an authorization is found. */
export function coverageIds({
  account,
  identifier,
  wildcard,
  subdomains,
}: Pick<
  AuthorizationRecord,
  'account' | 'identifier' | 'wildcard' | 'subdomains'
>): readonly string[] {
  const ofName: readonly Covered[] = subdomains ? ['name', 'subdomains'] : ['name'];
  const covered: readonly Covered[] = wildcard ? ['wildcard'] : ofName;
  return covered.map((coverage) => coverageId(account, identifier, coverage));
}

function coverageId(account: string, { type, value }: Identifier, covered: Covered): string {
  return `${account}/${createHash('sha256').update(`${covered} ${type} ${value}`).digest('hex').slice(0, 40)}`;
}

interface CoveringOptions {
  readonly now: Temporal.Instant;
  /** Which of them may serve; all by default. */
  readonly only?: (record: AuthorizationRecord) => boolean;
}

/**
 * The valid authorization of an account that covers a name of an order: for itself, or for a domain
 * above with its subdomains.
 */
export async function covering(
  storage: Storage,
  account: string,
  { type, value }: Identifier,
  { now, only = () => true }: CoveringOptions,
): Promise<(Stored<AuthorizationRecord> & { readonly id: string }) | undefined> {
  const base = value.replace(/^\*\./, '');
  const wildcard = base !== value;
  const above = type === 'dns' ? domainsAbove(base) : [];
  const ids = [
    coverageId(account, { type, value: base }, wildcard ? 'wildcard' : 'name'),
    ...(wildcard ? [base, ...above] : above).map((domain) =>
      coverageId(account, { type, value: domain }, 'subdomains'),
    ),
  ];
  for (const coverage of ids) {
    const id = (await validAuthorizations.read(storage, coverage))?.record.authorization;
    const stored = id === undefined ? undefined : await authorizations.read(storage, id);
    if (
      stored &&
      id !== undefined &&
      statusOf(stored.record, now) === 'valid' &&
      only(stored.record)
    )
      return { ...stored, id };
  }
  return undefined;
}

function domainsAbove(name: string): readonly string[] {
  const labels = name.split('.');
  return labels.slice(1).map((_, index) => labels.slice(index + 1).join('.'));
}

/** How long a validation takes at most as a rule. */
const usualMs = 1000;

/**
 * Whether a validation takes longer than usual. Only then a client is asked to wait: the shortest
 * `Retry-After` is a second, and most validations take milliseconds.
 */
export function isSlow({ status, since }: ChallengeRecord, clock: Clock): boolean {
  return (
    status === 'processing' &&
    since !== undefined &&
    clock.now().epochMilliseconds - Date.parse(since) >= usualMs
  );
}
