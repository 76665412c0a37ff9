/** What a name may be, by what it is for. */
export interface NameRule {
  /** Labels may contain `_`. RFC 8552 */
  readonly allowsUnderscore: boolean;
  /** An IP address is a name too. */
  readonly allowsAddress: boolean;
  /** The name must exist on the public internet. */
  readonly isPublic: boolean;
}

/**
 * Names that a private CA can certify: single labels such as `localhost`, and private addresses,
 * are permitted.
 */
export const privateCa: NameRule = {
  allowsUnderscore: false,
  allowsAddress: true,
  isPublic: false,
};

/**
 * Names that a publicly trusted CA can certify: below a public top-level domain, or a public
 * address. CA/Browser Forum Baseline Requirements §4.2.2
 */
export const publicCa: NameRule = { allowsUnderscore: false, allowsAddress: true, isPublic: true };

/** Names at which a DNS record can be, such as `_acme-challenge.example.com`. RFC 8552 */
export const dnsRecord: NameRule = {
  allowsUnderscore: true,
  allowsAddress: false,
  isPublic: false,
};
