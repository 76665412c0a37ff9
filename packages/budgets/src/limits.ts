import type { Limit } from './bucket.ts';

/** The limits that an order is subject to, with their meanings. */
export const limitMeanings = {
  'new-orders': 'Orders of an account.',
  'certificates-per-domain':
    'Certificates with names of one registered domain, of all accounts. An IPv4 address, or a network /64 of IPv6, counts as a domain.',
  'certificates-per-name-set': 'Certificates for exactly the same names, of all accounts.',
  'failed-validations': 'Failed validations of a name, of an account.',
  'consecutive-failed-validations':
    'Failed validations of a name in a row, of an account. The CA then pauses the name for the account, until a person resumes it at the CA.',
} as const;
export type LimitName = keyof typeof limitMeanings;
export const limitNames = Object.keys(limitMeanings) as readonly LimitName[];

const limitUnits: Readonly<Record<LimitName, (subject: string) => string>> = {
  'new-orders': () => 'orders of an account',
  'certificates-per-domain': (domain) => `certificates for ${domain}`,
  'certificates-per-name-set': () => 'certificates for the same names',
  'failed-validations': (subject) => `failed validations of ${nameOf(subject)}`,
  'consecutive-failed-validations': (subject) =>
    `failed validations of ${nameOf(subject)} in a row`,
};

/** Returns a limit in words: `50 certificates for example.com in 7 days`. */
export function limitText(limit: LimitName, subject: string, rule: Limit): string {
  return `${rule.capacity} ${limitUnits[limit](subject)} in ${durationText(rule.periodMs)}`;
}

/** Returns the name in the subject of a limit for a name of an account. */
export function nameOf(subject: string): string {
  return subject.slice(subject.lastIndexOf(' ') + 1);
}

function durationText(lengthMs: number): string {
  const [unit, size] = (
    [
      ['day', 86_400_000],
      ['hour', 3_600_000],
      ['minute', 60_000],
      ['second', 1000],
    ] as const
  ).find(([, length]) => lengthMs % length === 0 && lengthMs >= length) ?? ['millisecond', 1];
  const count = lengthMs / size;
  return count === 1 ? `a ${unit}`.replace('a hour', 'an hour') : `${count} ${unit}s`;
}

/** The limits of a CA. A limit that is absent does not exist. */
export interface CaLimits {
  readonly limits: Readonly<Partial<Record<LimitName, Limit>>>;
  /**
   * Whether a renewal that names the certificate it replaces, within the window that the CA
   * suggests, is exempt from all limits (RFC 9773), and one with the same names from those of orders
   * and of domains.
   */
  readonly exemptsRenewals: boolean;
  /** The most names in one certificate. */
  readonly maxNames?: number | undefined;
  /** The most names in one certificate, by profile. */
  readonly maxNamesOfProfile?: Readonly<Record<string, number>> | undefined;
  /** The profiles in which IP addresses are allowed; absent where all are. */
  readonly addressProfiles?: readonly string[] | undefined;
  /** The most bytes that all names of an order have together. */
  readonly maxIdentifierBytes?: number | undefined;
  /** New accounts for each address of a client. */
  readonly newAccounts?: Limit | undefined;
  /** Requests for each address of a client, by endpoint: a request too many is answered with 503. */
  readonly requests?: Readonly<Record<Endpoint, Limit>> | undefined;
}

/** As the directory names them; `rest` for everything else. */
export type Endpoint =
  'directory' | 'newNonce' | 'newAccount' | 'newOrder' | 'revokeCert' | 'renewalInfo' | 'rest';

const seconds = 1000;
const hours = 3600 * seconds;
const days = 24 * hours;

/** A limit of requests for each second, with a burst. */
const perSecond = (rate: number, burst: number): Limit => ({
  capacity: burst,
  periodMs: (burst / rate) * seconds,
});

const letsEncryptRules = {
  exemptsRenewals: true,
  maxNames: 100,
  maxNamesOfProfile: { tlsserver: 25, shortlived: 25 },
  addressProfiles: ['shortlived'],
  maxIdentifierBytes: 10_000,
  requests: {
    directory: perSecond(40, 40),
    newNonce: perSecond(20, 10),
    newAccount: perSecond(5, 15),
    newOrder: perSecond(300, 200),
    revokeCert: perSecond(10, 100),
    renewalInfo: perSecond(1000, 100),
    rest: perSecond(250, 125),
  },
} as const;

/** The limits of public CAs by the URLs of their directories. letsencrypt.org/docs/rate-limits */
export const wellKnownLimits: Readonly<Record<string, CaLimits>> = {
  'https://acme-v02.api.letsencrypt.org/directory': {
    ...letsEncryptRules,
    newAccounts: { capacity: 10, periodMs: 3 * hours },
    limits: {
      'new-orders': { capacity: 300, periodMs: 3 * hours },
      'certificates-per-domain': { capacity: 50, periodMs: 7 * days },
      'certificates-per-name-set': { capacity: 5, periodMs: 7 * days },
      'failed-validations': { capacity: 5, periodMs: hours },
      'consecutive-failed-validations': { capacity: 1152, periodMs: 1152 * days },
    },
  },
  'https://acme-staging-v02.api.letsencrypt.org/directory': {
    ...letsEncryptRules,
    newAccounts: { capacity: 50, periodMs: 3 * hours },
    limits: {
      'new-orders': { capacity: 1500, periodMs: 3 * hours },
      'certificates-per-domain': { capacity: 30_000, periodMs: seconds },
      'certificates-per-name-set': { capacity: 30_000, periodMs: 7 * days },
      'failed-validations': { capacity: 200, periodMs: hours },
      'consecutive-failed-validations': { capacity: 3600, periodMs: 6 * hours },
    },
  },
};
