import * as z from 'zod';
import type { JsonObject } from './json.ts';
import { parseTraceparent } from './trace-context.ts';

/** RFC 3339 */
export const time = z.iso.datetime({ offset: true });
/** Ids as `newId` makes them: a reference with another text cannot be followed. */
export const certificateId = z.string().regex(/^crt_[0-9a-z]{26}$/);
export const orderId = z.string().regex(/^ord_[0-9a-z]{26}$/);
export const texts = z.array(z.string());
export const count = z.int().nonnegative();
export const jsonObject = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'it is not an object',
);
/** A wrong trace is left out: a record is not refused for it. */
export const traceId = z
  .string()
  .regex(/^(?!0{32})[0-9a-f]{32}$/)
  .optional()
  .catch(undefined);
/** W3C Trace Context §3.2; a wrong one is left out. */
export const traceparent = z
  .string()
  .refine((text) => parseTraceparent(text) !== undefined)
  .optional()
  .catch(undefined);
