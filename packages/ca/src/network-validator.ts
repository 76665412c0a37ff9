import { type Clock, systemClock } from '@acmex/clock';
import type { Egress } from '@acmex/egress';
import type { CaaRequest, ChallengeValidator, ValidationRequest } from './challenge-validator.ts';
import { checkCaa } from './validation/caa.ts';
import { validateDns01 } from './validation/dns-01.ts';
import { validateDnsAccount01 } from './validation/dns-account-01.ts';
import { validateDnsPersist01 } from './validation/dns-persist-01.ts';
import { validateHttp01 } from './validation/http-01.ts';
import { type ValidationResolver, validationResolver } from './validation/resolver.ts';
import { validateTlsAlpn01 } from './validation/tls-alpn-01.ts';
import type { Validation } from './validation/validation.ts';

export interface NetworkValidatorOptions {
  /**
   * Which addresses may be reached: public ones alone by default, which a CA for your own network
   * has to widen.
   */
  readonly egress?: Egress;
  /** For TXT and CAA records; the system's by default. */
  readonly resolver?: ValidationResolver;
  /** The domain that CAA records name this CA by; absent: CAA is not looked at. RFC 8659 */
  readonly caaIdentity?: string;
  /** Other than 80 and 443: in tests alone, since other ports prove nothing. */
  readonly ports?: { readonly http: number; readonly https: number };
  /** By which a record of dns-persist-01 has ended. */
  readonly clock?: Clock;
}

/** Under the time that the server gives one look. */
const limit = 'PT9S';

/** Validates as a real CA does: over the network, from where this process runs. */
export function networkValidator({
  egress,
  resolver = validationResolver(),
  caaIdentity,
  ports = { http: 80, https: 443 },
  clock = systemClock,
}: NetworkValidatorOptions = {}): ChallengeValidator {
  const seen = async (request: ValidationRequest, signal: AbortSignal): Promise<Validation> => {
    if (request.type === 'dns-persist-01')
      return await validateDnsPersist01({ ...request, resolver, clock, signal });
    const looking = { ...request, signal, limit, ...(egress ? { egress } : {}) };
    return await {
      'http-01': () => validateHttp01({ ...looking, port: ports.http, tlsPort: ports.https }),
      'dns-01': () => validateDns01({ ...request, signal, resolver }),
      'dns-account-01': () => validateDnsAccount01({ ...request, signal, resolver }),
      'tls-alpn-01': () => validateTlsAlpn01({ ...looking, port: ports.https }),
    }[request.type]();
  };
  const permitted = async (
    { type, identifier, wildcard, accountUrl }: CaaRequest,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Validation> =>
    caaIdentity === undefined
      ? { valid: true, records: [] }
      : await checkCaa({
          identifier,
          wildcard,
          resolver,
          signal,
          issuerDomain: caaIdentity,
          accountUrl,
          method: type,
        });
  const validate = async (
    request: ValidationRequest,
    options: { readonly signal: AbortSignal },
  ): Promise<Validation> => {
    const validation = await seen(request, options.signal);
    if (!validation.valid || caaIdentity === undefined) return validation;
    const permission = await permitted(request, options);
    return permission.valid ? { ...permission, until: validation.until } : permission;
  };
  return Object.assign(validate, { checkCaa: permitted });
}
