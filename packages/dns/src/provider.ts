/** One TXT record in a zone. */
export interface TxtRecord {
  /**
   * Relative to the zone, as `_acme-challenge.www`; `@` is the zone itself. A-labels, no final dot.
   */
  readonly name: string;
  readonly value: string;
  /**
   * Seconds; the provider's least by default. A host gets the nearest that it accepts.
   */
  readonly ttl?: number;
  /**
   * What it answers, where it answers a challenge; for hosts that make the record from that by
   * themselves.
   */
  readonly challenge?: AnsweredChallenge;
}

/** A dns-01 challenge. RFC 8555 §8.4. */
export interface AnsweredChallenge {
  /** Without `*.`. */
  readonly domain: string;
  readonly token: string;
  readonly keyAuthorization: string;
}

export interface DnsOptions {
  /** Ends the call at once, with the signal's own reason. */
  readonly signal?: AbortSignal | undefined;
}

/** How a host finds a zone. */
export interface ZoneOptions extends DnsOptions {
  /**
   * Returns the zone that DNS shows for the name; `undefined` where it shows none. A host that can
   * only be asked for one zone at a time is asked for this one first.
   */
  readonly guess?: () => Promise<string | undefined>;
}

/**
 * TXT records at one DNS host. Safe for concurrent use; both effects can be repeated.
 * @throws DnsError `ERR_DNS_CREDENTIALS`, `ERR_DNS_ZONE_NOT_FOUND`, `ERR_DNS_RATE_LIMITED`,
 * `ERR_DNS_API`, by every method
 */
export interface DnsProvider {
  /** As people call it: `cloudflare`. */
  readonly name: string;
  /** It knows no zones: the whole name of a record is given as `zone`, with the record `@`. */
  readonly wholeNames?: true;
  /** Adds values beside what is there: a name may hold several. Already there = success. */
  append(zone: string, records: readonly TxtRecord[], options?: DnsOptions): Promise<void>;
  /** Removes exactly these values, and leaves their neighbours. Absent = success. */
  remove(zone: string, records: readonly TxtRecord[], options?: DnsOptions): Promise<void>;
  /** The zones that the credentials can write. Without it the zone is looked up in DNS. */
  zones?(options?: DnsOptions): Promise<readonly string[]>;
  /**
   * Returns the longest zone of the host that holds a name, with as few requests as the host allows;
   * `undefined` where there is none. Without it the zone is searched in `zones`.
   */
  zoneOf?(name: string, options?: ZoneOptions): Promise<string | undefined>;
  /**
   * Has the host verify the credentials without a change, for hosts that know no zones. Absent where
   * only a change shows whether the credentials are right.
   */
  tryCredentials?(zone: string, options?: DnsOptions): Promise<void>;
}

/** The whole name of a record, without a final dot. */
export function recordName(zone: string, { name }: Pick<TxtRecord, 'name'>): string {
  return name === '@' ? zone : `${name}.${zone}`;
}

/** A whole name as a zone has it: `@` for the zone itself. */
export function relativeName(zone: string, whole: string): string {
  return whole === zone ? '@' : whole.slice(0, -zone.length - 1);
}
