import { raw2NextJobData } from 'bullmq';
import * as z from 'zod';

// The form of everything that a process reads from Redis. What has another form was not written by
// a process of the team: it is removed and counted, and no process ends by it.

/** What kind of a value was not valid. */
export type ValueKind = 'group' | 'job' | 'key' | 'notification' | 'scan' | 'worker';

/** Counts the values in Redis that were not valid. */
export class InvalidValues {
  readonly #counts = new Map<ValueKind, number>();

  add(kind: ValueKind, count = 1): void {
    this.#counts.set(kind, this.of(kind) + count);
  }

  of(kind: ValueKind): number {
    return this.#counts.get(kind) ?? 0;
  }

  counts(): ReadonlyMap<ValueKind, number> {
    return this.#counts;
  }
}

const instant = z.iso.datetime({ offset: true });
/** A task's id is part of keys in Redis, and of notifications, whose words are between spaces. */
const taskId = z.string().regex(/^[!-~]{1,300}$/);
/** BullMQ takes no queue whose name is empty or has a colon. */
const groupName = z.string().regex(/^[!-9;-~]{1,300}$/);
const scan = z.object({
  at: instant,
  late: z.object({ id: taskId, dueAt: instant }).optional(),
});
const worker = z.object({
  name: z.string().min(1).max(300),
  capacity: z.int().min(0).max(1_000_000),
  since: instant,
});
const notification = z.union([
  z.tuple([z.literal(['due', 'waits'])]),
  z.tuple([z.literal('ended'), taskId]),
]);
/** A job as BullMQ gives it. Jobs of a team have no parent and no schedule. */
const job = z.object({
  data: z.string(),
  name: z.string(),
  opts: z.object({
    attempts: z.int(),
    removeOnComplete: z.literal(true),
    removeOnFail: z.literal(true),
    jobId: z.string().optional(),
    priority: z.int().min(0).optional(),
    delay: z.number().min(0).optional(),
    repeat: z.undefined().optional(),
    parent: z.undefined().optional(),
    backoff: z.undefined().optional(),
    telemetry: z.undefined().optional(),
  }),
  delay: z.number(),
  priority: z.number(),
  timestamp: z.number(),
  attemptsStarted: z.number(),
  attemptsMade: z.number(),
  stalledCounter: z.number(),
  repeatJobKey: z.undefined().optional(),
  parentKey: z.undefined().optional(),
  parent: z.undefined().optional(),
});
const jobData = z.object({ id: taskId });

/** A process that does tasks. */
export type WorkerInfo = Readonly<z.infer<typeof worker>>;
/** When a team last read what is due, and the oldest task that was late then. */
export type Scan = Readonly<z.infer<typeof scan>>;
export type Notification = z.infer<typeof notification>;

/** Returns the scan that a text describes; undefined if it is not valid. */
export function readScan(text: string): Scan | undefined {
  return jsonOf(text, scan);
}

/** Returns the worker that a text describes; undefined if it is not valid. */
export function readWorker(text: string): WorkerInfo | undefined {
  return jsonOf(text, worker);
}

/** Returns the words of a notification; undefined if it is not valid. */
export function readNotification(text: string): Notification | undefined {
  return notification.safeParse(text.split(' ')).data;
}

/** Returns the name of a group; undefined if it is not valid. */
export function readGroupName(bytes: Buffer): string | undefined {
  return groupName.safeParse(bytes.toString('latin1')).data;
}

/** Reports whether a job, as BullMQ decodes it, is one that a process of the team has added. */
export function isValidJob(value: unknown): boolean {
  const { data } = job.safeParse(value);
  return data !== undefined && jsonOf(data.data, jobData) !== undefined;
}

/** Reports whether the fields of a job's hash in Redis make a valid job. */
export function isValidJobHash(fields: Readonly<Record<string, string>>): boolean {
  try {
    return isValidJob(raw2NextJobData([Object.entries(fields).flat()])[0]);
  } catch {
    return false;
  }
}

/**
 * Returns whether an error comes from a value in Redis: from its type, by an answer of Redis, or
 * from its text.
 */
export function isAboutValue(error: unknown): boolean {
  if (error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError)
    return true;
  const message = error instanceof Error && error.name === 'ReplyError' ? error.message : '';
  return /WRONGTYPE|not an integer|not a valid float|user_script|Lua|lua|out of range/.test(
    message,
  );
}

function jsonOf<T>(text: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
