import { defineErrors, type ErrorTable } from '@acmex/errors';
import type { Temporal } from 'temporal-polyfill';

/**
 * What can go wrong with DNS; `exit` is the exit code of a program that ends with it, `http` the
 * status of a service that passes it on.
 */
export const dnsErrors = {
  ERR_DNS_CREDENTIALS: {
    meaning: 'The DNS host does not take the credentials, or they are missing.',
    cure: 'Check the token and what it may do.',
    exit: 2,
    http: 422,
  },
  ERR_DNS_ZONE_NOT_FOUND: {
    meaning: 'No zone was found for the name.',
    cure: 'Check the name, and that the credentials can write its zone.',
    exit: 6,
    http: 422,
    fixedBy: 'person',
  },
  ERR_DNS_RATE_LIMITED: {
    meaning: 'The DNS host wants fewer requests.',
    cure: 'Come back at the time in the message.',
    exit: 7,
    http: 429,
  },
  ERR_DNS_API: {
    meaning: 'The DNS host refused, or its answer cannot be understood.',
    cure: 'Read its message; try again later.',
    exit: 6,
    http: 502,
  },
  ERR_DNS_LOOKUP: {
    meaning: 'A DNS look-up failed.',
    cure: 'Check the resolver, and the network.',
    exit: 4,
    http: 502,
  },
  ERR_DNS_BOGUS: {
    meaning:
      'The DNSSEC signatures of the zone are wrong, so public CAs issue no certificate for it.',
    cure: 'Sign the zone again, or correct its DS record at the registrar.',
    exit: 6,
    http: 422,
    fixedBy: 'person',
  },
  ERR_DNS_NOT_VISIBLE: {
    meaning: 'A record was written, but not every name server shows it within the time limit.',
    cure: 'Wait longer, or check the servers that the message names.',
    exit: 6,
    http: 504,
  },
  ERR_DNS_HOOK: {
    meaning: 'A hook program failed.',
    cure: 'Run it by hand with the arguments in the message.',
    exit: 6,
    http: 502,
  },
} as const satisfies ErrorTable<'DNS'>;

export type DnsErrorCode = keyof typeof dnsErrors;

/** A failure with DNS or its host. Tell kinds apart by `code`. */
export class DnsError extends defineErrors('Dns', dnsErrors) {
  /** When the host wants to be asked again. */
  readonly retryAfter: Temporal.Instant | undefined;
  /** That the same call may succeed later, and nothing is done twice by it. */
  readonly passing: boolean;

  constructor(
    code: DnsErrorCode,
    message: string,
    {
      retryAfter,
      passing = false,
      ...options
    }: {
      readonly retryAfter?: Temporal.Instant | undefined;
      readonly passing?: boolean;
      readonly cause?: unknown;
    } = {},
  ) {
    super(code, message, options);
    this.retryAfter = retryAfter;
    this.passing = passing;
  }
}
