/** What a limit allows: so many at once, and as many again within a period. */
export interface Limit {
  /** How many a full bucket has, from 1. */
  readonly capacity: number;
  /** How long an empty bucket takes to be full again, in milliseconds. */
  readonly periodMs: number;
}

/**
 * A token bucket as plain data, for the generic cell rate algorithm (GCRA). A bucket that is not
 * known is full. Times are milliseconds since 1970-01-01T00:00:00Z.
 */
export interface Bucket {
  /** When it is full, if nothing is taken. */
  readonly fullAt: number;
  /** By whom a token is held that the CA has not counted yet, and since when. */
  readonly held?: Readonly<Record<string, number>> | undefined;
  /** The last time that `book` has given. */
  readonly bookedAt?: number | undefined;
  /** The last time that `bookAgain` has given. */
  readonly bookedAgainAt?: number | undefined;
}

/** How many tokens must stay in the bucket; none by default. */
export interface Reserved {
  readonly reserved?: number | undefined;
}

/**
 * A hold is given back after the longest time that a CA keeps an order, when no one has ended it. It
 * then counts as a token that was spent.
 */
const longestHoldMs = 7 * 24 * 3_600_000;
const full: Bucket = { fullAt: 0 };

/** Returns how many tokens a bucket has: a whole number, those that are held not counted. */
export function available(bucket: Bucket | undefined, limit: Limit, now: number): number {
  const { fullAt, held } = settled(bucket, limit, now);
  const missing = Math.max(0, fullAt - now) / interval(limit);
  return Math.max(0, Math.floor(limit.capacity - missing - count(held) + tolerance));
}

/**
 * Returns the earliest time at which a bucket has a token, if no more are taken: `now` where it has
 * one.
 */
export function when(
  bucket: Bucket | undefined,
  limit: Limit,
  now: number,
  { reserved = 0 }: Reserved = {},
): number {
  const { fullAt, held } = settled(bucket, limit, now);
  const usable = limit.capacity - Math.min(reserved, limit.capacity - 1);
  const after = Math.max(fullAt, now) + (1 + count(held)) * interval(limit);
  const at = after - usable * interval(limit);
  return at <= now + tolerance * interval(limit) ? now : at;
}

/** Takes a token. @returns the bucket without it; undefined where it has none */
export function take(
  bucket: Bucket | undefined,
  limit: Limit,
  now: number,
  options: Reserved = {},
): Bucket | undefined {
  if (when(bucket, limit, now, options) > now) return undefined;
  return spent(settled(bucket, limit, now), limit, now);
}

/**
 * Holds a token for an order until the CA has counted it: `spend`, or until it is known that the CA
 * will not: `release`. To hold it twice for the same order is to hold it once.
 * @returns the bucket with the hold; undefined where it has no token
 */
export function hold(
  bucket: Bucket | undefined,
  limit: Limit,
  now: number,
  { by, ...options }: Reserved & { readonly by: string },
): Bucket | undefined {
  const present = settled(bucket, limit, now);
  if (present.held?.[by] !== undefined) return present;
  if (when(present, limit, now, options) > now) return undefined;
  return { ...present, held: { ...present.held, [by]: now } };
}

/** Counts a token as spent now, whether it was held or not: the CA has counted it. */
export function spend(
  bucket: Bucket | undefined,
  limit: Limit,
  now: number,
  { by }: { readonly by?: string | undefined } = {},
): Bucket {
  return spent(release(settled(bucket, limit, now), by), limit, now);
}

/** Gives a held token back. */
export function release(bucket: Bucket, by: string | undefined): Bucket {
  if (by === undefined || bucket.held?.[by] === undefined) return bucket;
  const held = Object.fromEntries(Object.entries(bucket.held).filter(([holder]) => holder !== by));
  return { ...bucket, held: Object.keys(held).length > 0 ? held : undefined };
}

/** Corrects a bucket after the CA has refused: it has no token before `until`, and one then. */
export function drain(
  bucket: Bucket | undefined,
  limit: Limit,
  { now, until }: { readonly now: number; readonly until: number },
): Bucket {
  const present = settled(bucket, limit, now);
  const fullAt = until + (limit.capacity - 1) * interval(limit);
  return { ...present, fullAt: Math.max(present.fullAt, fullAt) };
}

/**
 * Gives someone who found no token a time to come again, behind all who came before: one for each
 * token. No token is taken.
 */
export function book(
  bucket: Bucket | undefined,
  limit: Limit,
  now: number,
  options: Reserved = {},
): { readonly at: number; readonly bucket: Bucket } {
  const { bookedAt = -Infinity } = bucket ?? full;
  const at = Math.max(when(bucket, limit, now, options), bookedAt + interval(limit));
  return { at, bucket: { ...settled(bucket, limit, now), bookedAt: at } };
}

/**
 * Gives someone who came at the time of `book` and found no token a new time, which is not behind
 * all who have a time.
 */
export function bookAgain(
  bucket: Bucket | undefined,
  limit: Limit,
  now: number,
  options: Reserved = {},
): { readonly at: number; readonly bucket: Bucket } {
  const { bookedAgainAt = -Infinity } = bucket ?? full;
  const at = Math.max(when(bucket, limit, now, options), bookedAgainAt + interval(limit));
  return { at, bucket: { ...settled(bucket, limit, now), bookedAgainAt: at } };
}

/** Whether a bucket is as one that is not known: full, and nothing is held or booked. */
export function isFull(bucket: Bucket, now: number): boolean {
  const { fullAt, held, bookedAt = now, bookedAgainAt = now } = bucket;
  return fullAt <= now && count(held) === 0 && bookedAt <= now && bookedAgainAt <= now;
}

/** Counts forgotten holds as spent. */
function settled(bucket: Bucket | undefined, limit: Limit, now: number): Bucket {
  if (bucket?.held === undefined) return bucket ?? full;
  const forgotten = Object.entries(bucket.held).filter(([, since]) => since + longestHoldMs <= now);
  return forgotten.reduce(
    (result, [by, since]) => spent(release(result, by), limit, since + longestHoldMs),
    bucket,
  );
}

function spent(bucket: Bucket, limit: Limit, now: number): Bucket {
  return { ...bucket, fullAt: Math.max(bucket.fullAt, now) + interval(limit) };
}

/** How long one token takes, in milliseconds. */
const interval = ({ capacity, periodMs }: Limit) => periodMs / capacity;
const count = (held: Bucket['held'] = {}) => Object.keys(held).length;
/** Of a token: times in milliseconds have fractions. */
const tolerance = 1e-6;
