import { printable } from '@acmex/errors';

/** The source of a value. */
export type Origin =
  /** As `--storage`. */
  | { readonly from: 'flag'; readonly flag: string }
  | { readonly from: 'environment'; readonly variable: string }
  /**
   * `line` and `column` count from 1; without a line it is the whole file. `column` is known in the
   * files of `certificates.d`. `variables`: the text has `${…}`, which was replaced.
   */
  | {
      readonly from: 'file';
      readonly file: string;
      readonly line?: number | undefined;
      readonly column?: number | undefined;
      readonly variables?: true;
    }
  | { readonly from: 'default' };

/**
 * `flag --storage`, `ACMEX_STORAGE`, `/etc/acmex/acmex.toml:7`,
 * `/etc/acmex/certificates.d/web.csv:7:1` or `default`.
 */
export function originText(origin: Origin): string {
  switch (origin.from) {
    case 'flag':
      return `flag ${origin.flag}`;
    case 'environment':
      return origin.variable;
    case 'file':
      return [origin.file, origin.line, origin.column]
        .filter((part) => part !== undefined)
        .join(':');
    case 'default':
      return 'default';
  }
}

/**
 * A fault of a configuration. It quotes no value, since a credential may be in the wrong place;
 * only names of certificates are quoted.
 */
export interface Fault {
  /** As `challenge.dns01.providers[0].api_token`; empty where the file is not valid TOML. */
  readonly key: string;
  /** The source of the value. */
  readonly origin: Origin;
  /** What is wrong, as `is text where a whole number belongs`. */
  readonly problem: string;
  /** What to do, as an order. */
  readonly cure: string;
  /**
   * The code of the rule that refuses the value, such as `ERR_ACME_IDENTIFIER`, where it has one of
   * its own.
   */
  readonly code?: string;
}

/** Returns a fault as one line: `/etc/acmex/acmex.toml:7: acme.contact …: …`. */
export function faultText({ key, origin, problem, cure, code }: Fault): string {
  const subject = key === '' ? '' : `${printable(key, 300)} `;
  const suffix = code === undefined ? '' : ` [${code}]`;
  return `${originText(origin)}: ${subject}${problem}: ${cure}${suffix}`;
}
