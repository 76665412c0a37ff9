import type { Egress } from '@acmex/egress';
import type { ChallengeValidator } from './challenge-validator.ts';
import { checkCaa } from './validation/caa.ts';
import { validateDns01 } from './validation/dns-01.ts';
import { validateHttp01 } from './validation/http-01.ts';
import { type ValidationResolver, validationResolver } from './validation/resolver.ts';
import { validateTlsAlpn01 } from './validation/tls-alpn-01.ts';

export interface NetworkValidatorOptions {
  /** Which addresses may be reached: public ones alone by default, which a CA for one's own network has to widen. */
  readonly egress?: Egress;
  /** For TXT and CAA records; the system's by default. */
  readonly resolver?: ValidationResolver;
  /** The domain that CAA records name this CA by; absent: CAA is not looked at. RFC 8659 */
  readonly caaIdentity?: string;
  /** Other than 80 and 443: in tests alone, since other ports prove nothing. */
  readonly ports?: { readonly http: number; readonly https: number };
}

/** Under the time that the server gives one look. */
const limit = 'PT9S';

/** Validates as a real CA does: over the network, from where this process runs. */
export function networkValidator({ egress, resolver = validationResolver(), caaIdentity, ports = { http: 80, https: 443 } }: NetworkValidatorOptions = {}): ChallengeValidator {
  return async ({ type, identifier, wildcard, token, keyAuthorization, accountUrl }, { signal }) => {
    const looking = { identifier, keyAuthorization, signal, limit, ...(egress ? { egress } : {}) };
    const seen = await {
      'http-01': () => validateHttp01({ ...looking, token, port: ports.http, tlsPort: ports.https }),
      'dns-01': () => validateDns01({ identifier, keyAuthorization, signal, resolver }),
      'tls-alpn-01': () => validateTlsAlpn01({ ...looking, port: ports.https }),
    }[type]();
    if (!seen.valid || caaIdentity === undefined) return seen;
    return await checkCaa({ identifier, wildcard, resolver, signal, issuerDomain: caaIdentity, accountUrl, method: type });
  };
}
