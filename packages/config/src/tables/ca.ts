import * as z from 'zod';
import { switched } from '../keys.ts';

/** `[ca]`: what `acmex ca serve` offers. */
export function caTable() {
  return z.strictObject({
    ocsp: switched(
      'Answer OCSP requests at the URL of the CRL, and name it in certificates.',
    ).default(false),
  });
}
