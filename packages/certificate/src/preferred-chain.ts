import { printable } from '@acmex/errors';
import { parseChain } from './certificate-info.ts';

/**
 * Whether a chain is the one that a text describes: the SHA-256 fingerprint of any certificate in it
 * (64 hexadecimal digits, with or without colons), or the common name of the issuer that it ends in,
 * else the whole name of this issuer. The command line, the configuration and the REST API all
 * choose chains by this rule.
 * @param chain PEM, the leaf first
 */
export function isChain(chain: string, described: string): boolean {
  const certificates = parseChain(chain);
  const digits = described.replaceAll(/[:\s]/g, '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digits))
    return certificates.some(({ fingerprint }) => fingerprint.toLowerCase() === digits);
  const issuer = certificates.at(-1)?.issuer ?? '';
  return described !== '' && [...commonNames(issuer), issuer].includes(described);
}

/**
 * Returns the name by which `isChain` finds a chain: the common name of the issuer that it ends in,
 * else the whole name of this issuer.
 * @param chain PEM, the leaf first
 */
export function chainName(chain: string): string {
  const issuer = parseChain(chain).at(-1)?.issuer ?? '';
  return commonNames(issuer)[0] ?? issuer;
}

/**
 * Returns what to say where the CA offers no chain that a text describes; undefined where the chain
 * in use is the one.
 * @param chain PEM of the chain in use
 * @param described see `isChain`; undefined for any chain
 */
export function preferredChainWarning(
  chain: string,
  described: string | undefined,
): string | undefined {
  if (described === undefined || described === '' || isChain(chain, described)) return undefined;
  return `no chain of the CA ends in "${printable(described, 200)}" or has this fingerprint: its first chain is used`;
}

/** Returns the common names of a distinguished name, without the escapes of RFC 4514 §2.4. */
function commonNames(name: string): readonly string[] {
  return [...name.matchAll(/(?:^|, ?|\+ ?)CN=((?:\\.|[^,+\\])+)/g)].map(([, value = '']) =>
    value.replaceAll(/\\(.)/g, '$1'),
  );
}
