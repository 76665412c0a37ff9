import { printable } from '@acmex/errors';
import { isALabel } from './a-label.ts';
import type { NameFault } from './errors.ts';
import type { NameRule } from './rules.ts';
import { canonicalHost } from './canonical-host.ts';

const longest = 253;

/** Whether a name is a wildcard, such as `*.example.com`. */
export function isWildcard(name: string): boolean {
  return name.startsWith('*.');
}

/**
 * Returns the name that a wildcard is for, such as `example.com` for `*.example.com`; other names
 * stay as they are.
 */
export function withoutWildcard(name: string): string {
  return isWildcard(name) ? name.slice(2) : name;
}

/** Whether a name, which may be a wildcard, is below a domain. Both are in canonical form. */
export function isBelow(name: string, domain: string): boolean {
  return name.endsWith(`.${domain}`);
}

/**
 * Whether a wildcard covers a name: the same name, or one label more than the wildcard's domain.
 * RFC 9525 §6.3
 */
export function isCovered(name: string, wildcard: string): boolean {
  return isWildcard(wildcard) && name.slice(name.indexOf('.')) === wildcard.slice(1);
}

/**
 * Returns a domain name in canonical form: A-labels, lower case, no final dot; a wildcard with its
 * `*.`.
 */
export function canonicalDomain(name: string, rule: NameRule): string | NameFault {
  const fault = writingFault(name);
  if (fault) return fault;
  if (name.length > 1000) return tooLong; // before work that long texts make slow
  const domain = withoutWildcard(name).replace(/\.$/, '');
  const ascii = canonicalHost(domain);
  if (ascii === undefined || ascii === '')
    return labelFault(domain) ?? { problem: 'is not a valid domain name', remedy: writeName };
  // UTS 46 maps some letters to digits: ㊱ is 36.
  if (/(^|\.)\d+$/.test(ascii)) return endsInNumber;
  return domainFault(ascii, isWildcard(name), rule) ?? (isWildcard(name) ? `*.${ascii}` : ascii);
}

const writeName = 'write it as example.com, *.example.com or 192.0.2.1';
const tooLong: NameFault = {
  problem: `is longer than ${longest} characters`,
  remedy: 'use a shorter name',
};
const endsInNumber: NameFault = {
  problem: 'ends in a number, as only an IP address does',
  remedy: 'write four decimal numbers for an address, or a domain name such as example.com',
};

/**
 * Checks what a person wrote, before UTS 46 maps it. The middle dots and the two joiners are
 * letters of some languages. RFC 5892 appendix A
 */
function writingFault(name: string): NameFault | undefined {
  const [character] =
    /[^\p{L}\p{N}\p{M}.*_\u00b7\u0375\u05f3\u05f4\u30fb\u200c\u200d-]/u.exec(name) ?? [];
  if (character !== undefined)
    return {
      problem: `has the character "${printable(character, 1)}", which no domain name has`,
      remedy: writeName,
    };
  if (/(^|\.)(\d+|0x[\da-f]*)\.?$/i.test(name)) return endsInNumber;
  return scriptFault(name);
}

/** Scripts whose letters resemble each other. */
const similarScripts = [
  ['Latin', /\p{Script=Latin}/u],
  ['Cyrillic', /\p{Script=Cyrillic}/u],
  ['Greek', /\p{Script=Greek}/u],
] as const;

/**
 * Refuses letters of two scripts in a label, which can look like a label of one script. RFC 5890
 * §4.4
 */
function scriptFault(name: string): NameFault | undefined {
  if (/^[\0-\x7f]*$/.test(name)) return undefined; // Latin letters only
  for (const label of name.split('.')) {
    const [first, second] = similarScripts.flatMap(([script, letters]) =>
      letters.test(label) ? [script] : [],
    );
    const ascii = second === undefined ? undefined : canonicalHost(label);
    if (ascii !== undefined)
      return {
        problem: `has ${first} and ${second} letters in the label "${printable(label, 70)}", which can look like another name`,
        remedy: `write the label as ${ascii} if it is what you mean`,
      };
  }
  return undefined;
}

function domainFault(ascii: string, wildcard: boolean, rule: NameRule): NameFault | undefined {
  if (ascii.includes('*'))
    return {
      problem: 'has its * in the wrong place',
      remedy: 'a wildcard is *. before a whole name, such as *.example.com',
    };
  const fault = labelFault(ascii, rule);
  if (fault) return fault;
  if (ascii.length > (wildcard ? longest - 2 : longest)) return tooLong;
  return rule.isPublic ? privateFault(ascii) : undefined;
}

function labelFault(
  name: string,
  { allowsUnderscore }: Pick<NameRule, 'allowsUnderscore'> = { allowsUnderscore: false },
): NameFault | undefined {
  const pattern = allowsUnderscore
    ? /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i
    : /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;
  for (const label of name.split('.')) {
    if (label === '')
      return {
        problem: 'has an empty label',
        remedy: 'remove the dot at the start, or one of two dots in a row',
      };
    const quoted = `has the label "${printable(label, 70)}"`;
    if (/[^\0-\x7f]/.test(label)) continue;
    if (!pattern.test(label))
      return {
        problem: `${quoted}, which is not 1 to 63 of a-z, 0-9 and - without - at either end`,
        remedy: 'correct the label',
      };
    if (/^xn--/i.test(label) && !isALabel(label.toLowerCase()))
      return {
        problem: `${quoted}, which is not a valid A-label`,
        remedy: 'write the name in its own script',
      };
    if (/^(?!xn)..--/i.test(label))
      return {
        problem: `${quoted}, whose hyphens in third and fourth place are reserved for xn--`,
        remedy: 'correct the label',
      };
  }
  return undefined;
}

/** RFC 6761, RFC 6762, RFC 8375, RFC 9476, and the resolution of ICANN on `.internal`. */
const specialDomains = [
  'alt',
  'arpa',
  'example',
  'internal',
  'invalid',
  'local',
  'localhost',
  'onion',
  'test',
];

function privateFault(ascii: string): NameFault | undefined {
  const labels = ascii.split('.');
  if (labels.length < 2)
    return {
      problem: 'has a single label, which no public CA certifies',
      remedy: 'use a private CA, or a name below a public domain',
    };
  const top = labels.at(-1) ?? '';
  return specialDomains.includes(top)
    ? {
        problem: `is below .${top}, which no public CA certifies`,
        remedy: 'use a private CA, or a name below a public domain',
      }
    : undefined;
}
