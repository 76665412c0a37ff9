import type { SecureContext, TlsOptions, TLSSocket } from 'node:tls';
import { isDomainName } from '@acmex/identifier';

/** The protocol of tls-alpn-01. RFC 8737 §6.2 */
const acmeProtocol = 'acme-tls/1';

export interface ServedNames {
  /** Returns what is presented for a name; undefined for what clients without a name get. */
  readonly contextFor: (
    name: string,
    remoteAddress: string | undefined,
  ) => Promise<SecureContext | undefined>;
  /** Returns what is presented to a CA that validates a name. */
  readonly challengeFor: (
    name: string,
    remoteAddress: string | undefined,
  ) => Promise<SecureContext | undefined>;
}

/**
 * Returns options of a TLS server that presents the certificate of the name that a client asks for,
 * and answers tls-alpn-01 on the same port. A client shows that it is a CA by its protocol, which
 * with TLS 1.3 Node.js reads before the name; RFC 8737 §3 wants no earlier version than TLS 1.2, and
 * where a CA uses that, http-01 is used instead.
 * @param protocols those of the server, the best first
 */
export function tlsOptions(
  { contextFor, challengeFor }: ServedNames,
  protocols: readonly string[],
): TlsOptions {
  const validating = new WeakSet<TLSSocket>();
  return {
    ALPNCallback(this: TLSSocket, { protocols: offered }) {
      if (!offered.includes(acmeProtocol))
        return protocols.find((protocol) => offered.includes(protocol));
      validating.add(this);
      // The CA has seen what it came for.
      this.once('secure', () => this.end());
      return acmeProtocol;
    },
    SNICallback(this: TLSSocket, name, done) {
      const { remoteAddress } = this;
      const find = validating.has(this) ? challengeFor : contextFor;
      const wanted = name.toLowerCase();
      const isValid = isDomainName(wanted);
      const context = isValid ? find(wanted, remoteAddress) : Promise.resolve(undefined);
      context.then(
        (presented) => done(null, presented),
        (error: unknown) => done(error as Error),
      );
    },
  } as TlsOptions;
}
