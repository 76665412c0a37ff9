import { parseChain } from './certificate-info.ts';

/**
 * Whether a chain is the one that a text describes: the SHA-256 fingerprint of any certificate in it
 * (64 hexadecimal digits, with or without colons), or the common name of the issuer that it ends in.
 * @param chain PEM, the leaf first
 */
export function isChain(chain: string, described: string): boolean {
  const certificates = parseChain(chain);
  const digits = described.replaceAll(/[:\s]/g, '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digits))
    return certificates.some(({ fingerprint }) => fingerprint.toLowerCase() === digits);
  const name = described.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(^|, ?)CN=${name}(,|$)`).test(certificates.at(-1)?.issuer ?? '');
}

/**
 * Returns the name by which `isChain` finds a chain: the common name of the issuer that it ends in,
 * else the whole name of this issuer.
 * @param chain PEM, the leaf first
 */
export function chainName(chain: string): string {
  const issuer = parseChain(chain).at(-1)?.issuer ?? '';
  return /(?:^|, ?)CN=((?:\\.|[^,\\])+)/.exec(issuer)?.[1] ?? issuer;
}
