import * as z from 'zod';

/** RFC 3339, as records have it. */
export const storedTime = z.iso.datetime({ offset: true });
