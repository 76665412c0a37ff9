import type { DurationInput } from '@acmex/clock';
import type { ManagedCertificate, RenewalPolicy } from '@acmex/orchestrator';
import type { CaModel } from './ca-model.ts';

/** A certificate as its record has it; without `current` for one that was never issued. */
export type RehearsedCertificate = Pick<
  ManagedCertificate,
  | 'id'
  | 'names'
  | 'issuer'
  | 'fallbackIssuers'
  | 'lineage'
  | 'profile'
  | 'renewBefore'
  | 'maintenanceWindows'
  | 'paused'
  | 'current'
  | 'renewal'
>;

/** What goes wrong at a CA. Times are milliseconds since 1970-01-01T00:00:00Z. */
export type Incident =
  /** The CA answers nothing. */
  | {
      readonly type: 'away';
      readonly issuer: string;
      readonly from: number;
      readonly until: number;
    }
  /**
   * The CA announces that it will revoke a share of the certificates that it issued before, and
   * from then on suggests to renew them at once.
   */
  | {
      readonly type: 'revocation';
      readonly issuer: string;
      readonly announcedAt: number;
      readonly revokedAt: number;
      /** Above 0, up to 1. */
      readonly share: number;
    };

export interface RehearseOptions extends RenewalPolicy {
  readonly certificates: Iterable<RehearsedCertificate>;
  /** The CAs by the names of their issuers. */
  readonly models: ReadonlyMap<string, CaModel>;
  readonly incidents?: readonly Incident[] | undefined;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly from: number;
  readonly until: number;
  /** How often certificates are checked for a revocation; never by default. */
  readonly checkRevocationEvery?: DurationInput | undefined;
  /** How many orders are worked on at once at one issuer; 5 by default. */
  readonly ordersAtOnce?: number | undefined;
  /** How long an order takes; 10 seconds by default. */
  readonly orderTakes?: DurationInput | undefined;
  /** Called for each certificate that is issued, in their order. */
  readonly onIssued?:
    | ((issued: {
        readonly id: string;
        readonly issuer: string;
        readonly at: number;
        readonly notAfter: number;
      }) => void)
    | undefined;
  /** The domain that counts for limits of domains. */
  readonly registeredDomain: (name: string) => string;
}

/** One day in UTC. */
export interface RehearsedDay {
  /** `2026-11-30` */
  readonly date: string;
  readonly issued: number;
  /** Attempts that failed. */
  readonly failed: number;
  /** Orders that waited for a limit of the CA. */
  readonly waited: number;
}

/** A time in which a server had no valid certificate. Times are RFC 3339. */
export interface Outage {
  readonly certificate: string;
  readonly names: readonly string[];
  readonly cause: 'expired' | 'revoked' | 'paused';
  readonly from: string;
  /** Absent where it lasts beyond the end. */
  readonly until?: string | undefined;
}

/** How much of a limit was used at most. */
export interface BudgetUse {
  readonly issuer: string;
  readonly limit: string;
  readonly subject: string;
  readonly capacity: number;
  readonly taken: number;
  /** RFC 3339 */
  readonly at: string;
}

/** What would happen. Times are RFC 3339. */
export interface Rehearsal {
  readonly from: string;
  readonly until: string;
  readonly certificates: number;
  readonly issued: number;
  /** How many of them by each issuer, the one with most first. */
  readonly issuers: readonly { readonly issuer: string; readonly issued: number }[];
  readonly failed: number;
  readonly days: readonly RehearsedDay[];
  /** The hour in which most were issued; absent where none was. */
  readonly busiestHour?: { readonly at: string; readonly issued: number } | undefined;
  /** How many orders waited for a limit of a CA, and the longest time that one did. */
  readonly waits: { readonly orders: number; readonly longestSeconds: number };
  /** For each limit of an issuer the subject that took most of it. */
  readonly budgets: readonly BudgetUse[];
  /** All of them, the first one first. */
  readonly outages: readonly Outage[];
}
