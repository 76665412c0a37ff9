import { identifier } from '@acmex/protocol';
import { z } from 'zod';

/** A pattern of names: a name for it and all below it, `*.` and a name for all below that, `*` for all. */
export function zonePattern(meaning: string) {
  const wanted = 'write "example.com", "*.example.com" or "*"';
  return z
    .string({ error: wanted })
    .refine((given) => given === '*' || isName(given.replace(/^\*\./, '')), wanted)
    .meta({ description: meaning });
}

function isName(text: string): boolean {
  try {
    return identifier(text).type === 'dns' && !text.startsWith('*.');
  } catch {
    return false;
  }
}

/** Whether a name, which may be a wildcard, is one of a pattern's: `*.example.com` matches `*.example.com` and `www.example.com`, not `example.com`. */
export function matches(pattern: string, name: string): boolean {
  const [wanted, own] = [pattern.toLowerCase(), name.toLowerCase()];
  if (wanted === '*') return true;
  return own.endsWith(`.${wanted.replace(/^\*\./, '')}`) || own === wanted;
}

/** How much a pattern says: the labels of its name; of two with the same, the one that takes no more than what is below. */
export function precision(pattern: string): number {
  if (pattern === '*') return 0;
  return 2 * pattern.replace(/^\*\./, '').split('.').length + (pattern.startsWith('*.') ? 1 : 0);
}
