import { randomBytes } from 'node:crypto';

/** Returns so many bytes, which cannot be predicted. */
export type Random = (length: number) => Uint8Array;

export const systemRandom: Random = randomBytes;
