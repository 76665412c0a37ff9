import { randomBytes } from 'node:crypto';

/** Returns so many bytes, which nobody can predict. */
export type Random = (length: number) => Uint8Array;

export const systemRandom: Random = randomBytes;
