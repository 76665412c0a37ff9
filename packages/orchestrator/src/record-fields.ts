import { z } from 'zod';
import type { JsonObject } from './json.ts';

/** RFC 3339 */
export const time = z.iso.datetime({ offset: true });
export const texts = z.array(z.string());
export const count = z.int().nonnegative();
export const jsonObject = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'it is not an object',
);
