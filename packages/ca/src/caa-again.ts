import { withTimeLimit } from '@acmex/clock';
import { type Identifier, isBelow } from '@acmex/identifier';
import type { Stored } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import type { AuthorizationRecord } from './authorization-records.ts';
import type { ChallengeValidator } from './challenge-validator.ts';
import type { OrderRecord } from './order-records.ts';
import { problem, type ProblemDocument, refusedNames } from './problems.ts';
import type { Service } from './service.ts';

/** CAA is valid for this time. Baseline Requirements §3.2.2.8, as RFC 8659 leaves it to a CA */
const longestAge = { hours: 8 };
const checkLimit = { seconds: 10 };

/** An order that was read, with its authorizations. */
export interface ReadOrder {
  readonly stored: Stored<OrderRecord>;
  readonly authorizations: readonly AuthorizationRecord[];
}

/**
 * Checks the CAA records of an order's names before issuance, if the check of their authorization
 * was more than eight hours ago, or was of a domain above the name.
 * @returns whether any was checked, which takes time
 * @throws Refusal `caa`, `dns`; with one subproblem for each of several names
 */
export async function checkCaaAgain(
  service: Service,
  { stored: { record: order }, authorizations }: ReadOrder,
): Promise<boolean> {
  const { checkCaa } = service.validate;
  if (!checkCaa) return false;
  const outdated = order.identifiers.flatMap((identifier) => {
    const authorization = authorizations.find((candidate) => isFor(candidate, identifier));
    return authorization && isOutdated(service, authorization, identifier)
      ? [{ authorization, identifier }]
      : [];
  });
  const problems = await Promise.all(
    outdated.map(async (name) => await caaProblem(service, checkCaa, name)),
  );
  const refused = problems.filter((entry) => entry !== undefined);
  if (refused.length > 0) throw refusedNames(refused);
  return outdated.length > 0;
}

function isFor(
  { identifier: { type, value }, wildcard, subdomains }: AuthorizationRecord,
  name: Identifier,
): boolean {
  if (name.type !== type) return false;
  const base = baseOf(name);
  return subdomains
    ? base === value || isBelow(base, value)
    : base === value && wildcard === (base !== name.value);
}

function baseOf({ value }: Identifier): string {
  return value.replace(/^\*\./, '');
}

function isOutdated(
  { clock }: Service,
  { identifier, challenges }: AuthorizationRecord,
  name: Identifier,
): boolean {
  const validated = challenges.find(({ status }) => status === 'valid')?.validated;
  return (
    baseOf(name) !== identifier.value ||
    validated === undefined ||
    Temporal.Instant.compare(validated, clock.now().subtract(longestAge)) < 0
  );
}

async function caaProblem(
  { clock, urls, validationSlots }: Service,
  checkCaa: NonNullable<ChallengeValidator['checkCaa']>,
  {
    authorization: { account, challenges },
    identifier,
  }: { readonly authorization: AuthorizationRecord; readonly identifier: Identifier },
): Promise<ProblemDocument | undefined> {
  const method = challenges.find(({ status }) => status === 'valid')?.type ?? 'dns-01';
  const verdict = await validationSlots(account, () =>
    withTimeLimit({ clock, limit: checkLimit }, (signal) =>
      checkCaa(
        {
          type: method,
          identifier: { type: identifier.type, value: baseOf(identifier) },
          wildcard: baseOf(identifier) !== identifier.value,
          accountUrl: urls.of(`/account/${account}`),
        },
        { signal },
      ),
    ),
  ).catch(() => ({ valid: false as const, type: 'dns', detail: 'the check of CAA has failed' }));
  if (verdict.valid === true) return undefined;
  return problem(verdict.type === 'caa' ? 'caa' : 'dns', verdict.detail, { identifier });
}
