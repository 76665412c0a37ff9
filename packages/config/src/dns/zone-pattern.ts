import { identifier, isBelow, isWildcard, privateCa, withoutWildcard } from '@acmex/identifier';
import { z } from 'zod';

/** A pattern of names: a name for it and all below it, `*.` and a name for all below that, `*` for all. */
export function zonePattern(meaning: string) {
  const wanted = 'write "example.com", "*.example.com" or "*"';
  return z
    .string({ error: wanted })
    .refine((pattern) => pattern === '*' || domainOf(pattern) !== undefined, wanted)
    .overwrite((pattern) => domainOf(pattern) ?? pattern)
    .meta({ description: meaning });
}

/** Returns a domain name or a wildcard in canonical form; `undefined` for anything else. An address has no zone. */
function domainOf(text: string): string | undefined {
  try {
    return identifier(text, { rule: { ...privateCa, allowsAddress: false } }).value;
  } catch {
    return undefined;
  }
}

/** Whether a pattern is for a name, which may be a wildcard: `*.example.com` matches `*.example.com` and `www.example.com`, not `example.com`. */
export function matches(pattern: string, name: string): boolean {
  if (pattern === '*') return true;
  const wanted = domainOf(pattern) ?? pattern.toLowerCase();
  const candidate = domainOf(name) ?? name.toLowerCase();
  return isBelow(candidate, withoutWildcard(wanted)) || candidate === wanted;
}

/** Returns how specific a pattern is: by the labels of its name; of two with the same number, a wildcard is more specific. */
export function precision(pattern: string): number {
  if (pattern === '*') return 0;
  return 2 * withoutWildcard(pattern).split('.').length + (isWildcard(pattern) ? 1 : 0);
}
