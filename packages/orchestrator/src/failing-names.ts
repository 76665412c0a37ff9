import { printable } from '@acmex/errors';
import { identifier } from '@acmex/identifier';
import type { Temporal } from 'temporal-polyfill';
import * as z from 'zod';
import { count, texts, time } from './record-fields.ts';

/** A name that was not validated in the attempts since the last certificate. */
export interface FailingName {
  readonly name: string;
  /** When it failed first, RFC 3339. */
  readonly since: string;
  readonly failures: number;
  /** The problem at the last failure. Text of the CA in it is data. */
  readonly reason: string;
}

/** A wanted name that is ordered no more, because it fails again and again. */
export type LeftOutName = Omit<FailingName, 'failures'>;

/** When an order with the names that are left out is attempted. */
export interface TakeBackPlan {
  readonly at: string;
  /** How many attempts have failed in a row. */
  readonly failures: number;
  /** The names that have failed in the last attempt: the next one, at once, is without them. */
  readonly without?: readonly string[] | undefined;
}

/** What decides which names of a certificate are ordered. */
export interface PartlyOrdered {
  /** All names that are wanted. */
  readonly names: readonly string[];
  readonly allowSubsetOfNames?: boolean | undefined;
  readonly failingNames?: readonly FailingName[] | undefined;
  readonly leftOut?: readonly LeftOutName[] | undefined;
  readonly takeBack?: TakeBackPlan | undefined;
  readonly current?: { readonly notBefore: string; readonly notAfter: string } | undefined;
  readonly renewal?: { readonly at: string; readonly cause?: 'revoked' | undefined } | undefined;
}

const failingNameSchema = z.looseObject({
  name: z.string(),
  since: time,
  failures: count,
  reason: z.string(),
});
/** What the stored fields of `PartlyOrdered` look like. */
export const partlyOrderedShape = {
  failingNames: z.array(failingNameSchema).optional(),
  leftOut: z.array(failingNameSchema.omit({ failures: true })).optional(),
  takeBack: z.looseObject({ at: time, failures: count, without: texts.optional() }).optional(),
};

const dayMs = 24 * 3_600_000;
/** A name is left out after so many failures, over at least a day. */
const failuresOverTime = 3;
/** When it is urgent, after so many. */
const failuresWhenUrgent = 2;

/** Returns the names of an order: all for one that takes names back, else without those left out. */
export function namesToOrder(
  { names, leftOut = [], takeBack }: PartlyOrdered,
  { takesBack = false }: { readonly takesBack?: boolean | undefined } = {},
): readonly string[] {
  const isLeftOut = (name: string) => leftOut.some((entry) => entry.name === name);
  if (!takesBack) return names.filter((name) => !isLeftOut(name));
  return names.filter((name) => !isLeftOut(name) || !takeBack?.without?.includes(name));
}

/** Whether names are all that are wanted, perhaps without some that are left out. */
export function areAsWanted(
  issued: readonly string[],
  wanted: Pick<PartlyOrdered, 'names' | 'leftOut'>,
): boolean {
  return (
    issued.every((name) => wanted.names.includes(name)) &&
    namesToOrder(wanted).every((name) => issued.includes(name))
  );
}

interface Problem {
  readonly type?: unknown;
  readonly detail?: unknown;
  readonly identifier?: { readonly value?: unknown } | undefined;
  readonly subproblems?: readonly Problem[] | undefined;
}

/** Says nothing of a name: a limit, a fault of the CA, or an account that needs a person. */
const notOfNames = /:(rateLimited|serverInternal|userActionRequired)$/;

/** A CA may name the only name that it refuses in words. */
const refusesName = /:(caa|rejectedIdentifier|unsupportedIdentifier)$/;

/**
 * Returns the reasons by the names that a CA has not validated or not accepted, out of those that
 * were ordered.
 */
export function failedNames(
  error: unknown,
  ordered: readonly string[],
): ReadonlyMap<string, string> {
  const { failures = [], problem } = (error ?? {}) as {
    readonly failures?: readonly {
      readonly identifier?: { readonly value?: unknown };
      readonly wildcard?: unknown;
      readonly problem?: Problem;
    }[];
    readonly problem?: Problem;
  };
  const all: { readonly value: unknown; readonly problem: Problem | undefined }[] = [
    ...failures.map((failure) => ({
      value: `${failure.wildcard === true ? '*.' : ''}${String(failure.identifier?.value).replace(/^\*\./, '')}`,
      problem: failure.problem,
    })),
    ...[problem, ...(problem?.subproblems ?? [])].map((cause) => ({
      value: cause?.identifier?.value,
      problem: cause,
    })),
  ];
  const quoted = /"([^"\s]{1,255})"/g;
  if (refusesName.test(String(problem?.type)) && typeof problem?.detail === 'string')
    for (const [, value] of problem.detail.matchAll(quoted)) all.push({ value, problem });
  const reasons = new Map<string, string>();
  for (const { value, problem: cause } of all) {
    if (notOfNames.test(String(cause?.type))) continue;
    const name = ordered.find((candidate) => identifier(candidate).value === value);
    if (name !== undefined) reasons.set(name, reasonOf(cause));
  }
  return reasons;
}

function reasonOf({ type, detail }: Problem = {}): string {
  const kind = String(type).replace(/^urn:ietf:params:acme:error:/, '');
  return printable(typeof detail === 'string' ? `${kind}: ${detail}` : kind, 500);
}

/**
 * Counts the failures of names, and returns what changes. A name is left out where the policy permits
 * it, when it has failed three times over at least a day, or twice when it is urgent: when less than
 * half of the time between renewal and expiry is left, or the certificate is revoked. At least one
 * name remains.
 * @param options `atOnce`: without waiting, for a first certificate that someone waits for
 */
export function afterFailedNames(
  certificate: PartlyOrdered,
  failed: ReadonlyMap<string, string>,
  { now, atOnce = false }: { readonly now: Temporal.Instant; readonly atOnce?: boolean },
): Pick<PartlyOrdered, 'failingNames' | 'leftOut'> & { readonly added: readonly string[] } {
  const { failingNames: before = [], leftOut = [], allowSubsetOfNames = false } = certificate;
  if (!allowSubsetOfNames || failed.size === 0)
    return { failingNames: certificate.failingNames, leftOut: certificate.leftOut, added: [] };
  const failing = [...failed].map(([name, reason]): FailingName => {
    const known = before.find((entry) => entry.name === name);
    const { since = now.toString(), failures = 0 } = known ?? {};
    return { name, since, failures: failures + 1, reason };
  });
  const isDead = ({ since, failures }: FailingName) =>
    atOnce ||
    (failures >= failuresOverTime &&
      now.epochMilliseconds - Date.parse(since) >= shortestMs(certificate, dayMs)) ||
    (failures >= failuresWhenUrgent && isUrgent(certificate, now));
  const dead = failing.filter(isDead);
  const remaining = namesToOrder(certificate).filter(
    (name) => !dead.some((entry) => entry.name === name),
  );
  const added = remaining.length === 0 ? [] : dead;
  return {
    failingNames: [
      ...before.filter(({ name }) => !failed.has(name)),
      ...failing.filter((entry) => !added.includes(entry)),
    ],
    leftOut: [
      ...leftOut,
      ...added.map(({ name, reason }) => ({ name, since: now.toString(), reason })),
    ],
    added: added.map(({ name }) => name),
  };
}

/** Returns a duration, or a tenth of the lifetime if that is less, in milliseconds. */
function shortestMs({ current }: PartlyOrdered, durationMs: number): number {
  const lifetime = current
    ? Date.parse(current.notAfter) - Date.parse(current.notBefore)
    : Infinity;
  return Math.min(durationMs, lifetime / 10);
}

function isUrgent({ current, renewal }: PartlyOrdered, now: Temporal.Instant): boolean {
  if (!current || !renewal) return false;
  const [at, end] = [Date.parse(renewal.at), Date.parse(current.notAfter)];
  return renewal.cause === 'revoked' || now.epochMilliseconds > at + Math.max(0, end - at) / 2;
}

/**
 * Returns what changes when a certificate is issued: names that it has are not left out any more, and
 * the rest is attempted again.
 */
export function afterIssuedNames(
  certificate: PartlyOrdered,
  issued: readonly string[],
  now: Temporal.Instant,
): Pick<PartlyOrdered, 'failingNames' | 'leftOut' | 'takeBack'> {
  const { leftOut = [], names } = certificate;
  const remaining = leftOut.filter(({ name }) => names.includes(name) && !issued.includes(name));
  if (remaining.length === 0)
    return { failingNames: undefined, leftOut: undefined, takeBack: undefined };
  const { takeBack = nextTakeBack(certificate, 0, now) } = certificate;
  return {
    failingNames: undefined,
    leftOut: remaining,
    takeBack: { ...takeBack, without: undefined },
  };
}

/**
 * Returns the plan after an attempt to take names back has failed. Where only some of them failed, the
 * rest is attempted at once; else all of them later.
 */
export function afterFailedTakeBack(
  certificate: PartlyOrdered,
  failed: ReadonlyMap<string, string>,
  now: Temporal.Instant,
): Pick<PartlyOrdered, 'leftOut' | 'takeBack'> {
  const { leftOut = [], takeBack } = certificate;
  const without = [...new Set([...(takeBack?.without ?? []), ...failed.keys()])];
  const isOther = [...failed.keys()].some((name) => !leftOut.some((entry) => entry.name === name));
  const rest = leftOut.filter(({ name }) => !without.includes(name));
  const failures = (takeBack?.failures ?? 0) + 1;
  return {
    leftOut: leftOut.map((entry) => ({ ...entry, reason: failed.get(entry.name) ?? entry.reason })),
    takeBack:
      failed.size > 0 && rest.length > 0 && !isOther
        ? { at: now.toString(), failures: failures - 1, without }
        : nextTakeBack(certificate, failures, now),
  };
}

/** The next attempt: after a day, then twice as long each time, up to a week. */
function nextTakeBack(
  certificate: PartlyOrdered,
  failures: number,
  now: Temporal.Instant,
): TakeBackPlan {
  const first = shortestMs(certificate, dayMs);
  const pause = Math.min(first * 7, first * 2 ** Math.min(failures, 3));
  return { at: now.add({ milliseconds: Math.ceil(pause) }).toString(), failures };
}
