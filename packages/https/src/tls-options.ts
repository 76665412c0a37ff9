import type { SecureContext, TlsOptions, TLSSocket } from 'node:tls';
import { isDomainName } from '@acmex/identifier';
import type { CertificateSource } from './source.ts';

/** The protocol of tls-alpn-01. RFC 8737 §6.2 */
const acmeProtocol = 'acme-tls/1';

/**
 * Returns options of a TLS server that presents the certificate of the name that a client asks for,
 * and answers tls-alpn-01 on the same port. A client shows that it is a CA by its protocol, which
 * with TLS 1.3 Node.js reads before the name; RFC 8737 §3 wants no earlier version than TLS 1.2, and
 * where a CA uses that, http-01 is used instead.
 * @param protocols those of the server, the best first
 */
export function tlsOptions(
  source: Pick<CertificateSource, 'inMemory' | 'find' | 'findChallenge'>,
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
      // RFC 6066 §3 wants no dot at the end; some clients send the name as their user wrote it.
      const wanted = name.toLowerCase().replace(/\.$/, '');
      const present = (contexts: readonly SecureContext[] = []) => {
        const [last, ...before] = contexts.toReversed();
        // Node.js adds the certificate of a context to those of the server, by their types of key.
        for (const context of before) this.setKeyCert(context);
        done(null, last);
      };
      const isValidation = validating.has(this);
      // What a handshake costs: most names are in memory.
      const inUse = isValidation ? undefined : source.inMemory(wanted);
      if (inUse || !isDomainName(wanted)) return present(inUse);
      const finding = isValidation
        ? source.findChallenge(wanted)
        : source.find(wanted, this.remoteAddress);
      finding.then(present).catch((error: unknown) => done(error as Error));
    },
  } as TlsOptions;
}
