import { type Origin, originText } from './origin.ts';

/** One thing that is wrong with a configuration. It quotes no value, for a credential may stand in the wrong place. */
export interface Fault {
  /** As `challenge.dns01.providers[0].api_token`; empty where the file is no TOML at all. */
  readonly key: string;
  /** Where it stands. */
  readonly origin: Origin;
  /** What is wrong, as `is text where a whole number belongs`. */
  readonly problem: string;
  /** What to do, as an order. */
  readonly cure: string;
}

/** A fault in one line: `/etc/acmex/acmex.toml:7: acme.contact …: …`. */
export function faultText({ key, origin, problem, cure }: Fault): string {
  return `${originText(origin)}: ${key === '' ? '' : `${key} `}${problem}: ${cure}`;
}
