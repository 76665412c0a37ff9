import { book, bookAgain, type Bucket, drain, hold, release, spend, when } from './bucket.ts';
import type { Charge } from './charges.ts';
import { nameOf } from './limits.ts';

/** Finds a bucket by its key; undefined for one that is full. */
export type BucketSource = (key: string) => Bucket | undefined;

/** Buckets by key, as they are to be stored. */
export type ChangedBuckets = ReadonlyMap<string, Bucket>;

export interface AdmitOptions {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly now: number;
  /** Whose holds they are: the id of the order. */
  readonly by: string;
  /** Renewals may take the share that is kept for them. */
  readonly isRenewal: boolean;
  /** The share of a bucket of orders, or of a domain, that is kept for renewals: 0 to 1. */
  readonly renewalShare: number;
  /** The key of the bucket that the order has waited for. */
  readonly waitedFor?: string | undefined;
}

/** Whether an order can be made now, with the buckets that change. */
export type Admission =
  | { readonly isAdmitted: true; readonly buckets: ChangedBuckets }
  | {
      readonly isAdmitted: false;
      /** The bucket that it has to wait for longest. */
      readonly charge: Charge;
      /** When to ask again, in milliseconds: a time of its own where many wait. */
      readonly at: number;
      readonly buckets: ChangedBuckets;
    };

/** Holds a token of each bucket for an order; or none, where one has no token. */
export function admit(
  charges: readonly Charge[],
  bucketOf: BucketSource,
  options: AdmitOptions,
): Admission {
  const { now, by, waitedFor } = options;
  const missing = missingCharge(charges, bucketOf, options);
  if (missing) {
    const booking = missing.key === waitedFor ? bookAgain : book;
    const { at, bucket } = booking(bucketOf(missing.key), missing.rule, now, {
      reserved: reservedOf(missing, options),
    });
    const buckets = new Map([...released(charges, bucketOf, by), [missing.key, bucket]]);
    return { isAdmitted: false, charge: missing, at, buckets };
  }
  const buckets = new Map<string, Bucket>();
  for (const charge of charges) {
    if (charge.counted === 'failure') continue;
    const { key, rule } = charge;
    const held = hold(bucketOf(key), rule, now, { by, reserved: reservedOf(charge, options) });
    if (held && held !== bucketOf(key)) buckets.set(key, held);
  }
  return { isAdmitted: true, buckets };
}

/** Returns the buckets without what an order holds of them. */
function released(
  charges: readonly Charge[],
  bucketOf: BucketSource,
  by: string,
): readonly (readonly [key: string, bucket: Bucket])[] {
  return charges.flatMap(({ key }) => {
    const bucket = bucketOf(key);
    return bucket?.held?.[by] === undefined ? [] : [[key, release(bucket, by)] as const];
  });
}

/** Returns the charge that an order has to wait for longest, if it has to wait. */
export function missingCharge(
  charges: readonly Charge[],
  bucketOf: BucketSource,
  options: Omit<AdmitOptions, 'waitedFor'>,
): (Charge & { readonly at: number }) | undefined {
  let latest: (Charge & { readonly at: number }) | undefined;
  for (const charge of charges) {
    const bucket = bucketOf(charge.key);
    if (bucket === undefined || bucket.held?.[options.by] !== undefined) continue;
    const reserved = reservedOf(charge, options);
    const at = when(bucket, charge.rule, options.now, { reserved });
    if (at > options.now && !(latest && latest.at >= at)) latest = { ...charge, at };
  }
  return latest;
}

/** Returns how many tokens of a bucket an order must leave for renewals. */
export function reservedOf(
  { limit, rule }: Charge,
  { isRenewal, renewalShare }: Pick<AdmitOptions, 'isRenewal' | 'renewalShare'>,
): number {
  const isShared = limit === 'new-orders' || limit === 'certificates-per-domain';
  return isRenewal || !isShared
    ? 0
    : Math.min(Math.floor(rule.capacity * renewalShare), rule.capacity - 1);
}

/** What has happened to an order at the CA. */
export type OrderEvent =
  /** The CA has created the order. */
  | { readonly type: 'ordered' }
  /** The CA has issued the certificate. */
  | { readonly type: 'issued' }
  /** The order ends without a certificate. `notValidated`: the names that the CA could not validate. */
  | { readonly type: 'failed'; readonly notValidated?: readonly string[] | undefined }
  /** The CA has refused the order for these charges: nothing is left before `until`, in milliseconds. */
  | { readonly type: 'limited'; readonly charges: readonly Charge[]; readonly until: number };

/**
 * Returns the buckets that change when something has happened to an order.
 * @param charges those that it was admitted with
 */
export function settle(
  charges: readonly Charge[],
  bucketOf: BucketSource,
  event: OrderEvent,
  { now, by }: Pick<AdmitOptions, 'now' | 'by'>,
): ChangedBuckets {
  const buckets = new Map<string, Bucket>();
  for (const charge of charges) {
    const bucket = bucketOf(charge.key);
    const next = settledBucket(charge, bucket, event, { now, by });
    if (next && next !== bucket) buckets.set(charge.key, next);
  }
  return buckets;
}

function settledBucket(
  charge: Charge,
  bucket: Bucket | undefined,
  event: OrderEvent,
  { now, by }: Pick<AdmitOptions, 'now' | 'by'>,
): Bucket | undefined {
  const { counted, limit, rule, subject, key } = charge;
  const isHeld = bucket?.held?.[by] !== undefined;
  switch (event.type) {
    case 'ordered':
      return counted === 'order' && isHeld ? spend(bucket, rule, now, { by }) : bucket;
    case 'issued':
      if (limit === 'consecutive-failed-validations') return bucket && { fullAt: 0 };
      // An order is counted once, a certificate also where its hold was given back meanwhile.
      return counted === 'certificate' || (counted === 'order' && isHeld)
        ? spend(bucket, rule, now, { by })
        : bucket;
    case 'failed': {
      const isFailed = event.notValidated?.includes(nameOf(subject)) ?? false;
      if (counted === 'failure') return isFailed ? spend(bucket, rule, now) : bucket;
      return bucket && release(bucket, by);
    }
    case 'limited': {
      const isRefused = event.charges.some((refused) => refused.key === key);
      const rest = bucket && release(bucket, by);
      return isRefused ? drain(rest, rule, { now, until: event.until }) : rest;
    }
  }
}
