import type { Clock, DurationInput } from '@acmex/clock';
import type { ChallengeType } from '@acmex/protocol';
import type { DraftChallengeType } from '@acmex/protocol/drafts';
import type { Storage } from '@acmex/storage';
import type { Temporal } from 'temporal-polyfill';
import type { AdminOptions } from './admin-options.ts';
import type { Background } from './background.ts';
import type { PresentIssuers } from './authority/issuer.ts';
import type { ChallengeValidator } from './challenge-validator.ts';
import type { DraftChallenges } from './draft-challenges.ts';
import type { ServerWatch } from './server-watch.ts';
import type { SignedOcspResponses } from './signed-ocsp-responses.ts';
import type { IdentifierPolicy } from './identifiers.ts';
import type { CountedOrders } from './order-limits.ts';
import type { Profile } from './profiles.ts';
import type { WeakKeyFault } from './public-key.ts';
import type { RateLimiter } from './rate-limits.ts';
import type { FairSlots } from './slots.ts';
import type { Urls } from './urls.ts';

/** What a directory says of its CA. RFC 8555 §7.1.1 */
export interface Meta {
  readonly termsOfService?: string | undefined;
  readonly website?: string | undefined;
  readonly caaIdentities?: readonly string[] | undefined;
}

export interface Limits {
  /** Names in an order; 100 by default, and no more. */
  readonly identifiers: number;
  /** Orders of an account that are neither valid nor invalid. */
  readonly pendingOrders: number;
  /** Authorizations of those, and of those made before an order. */
  readonly pendingAuthorizations: number;
}

export interface Lifetimes {
  readonly order: Temporal.Duration;
  readonly authorization: Temporal.Duration;
  readonly nonce: Temporal.Duration;
  readonly crl: Temporal.Duration;
  readonly ocsp: Temporal.Duration;
}

/** All that the resources of one server work with. */
export interface Service {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly urls: Urls;
  /** Returns the issuers as they are now. */
  readonly issuers: () => Promise<PresentIssuers>;
  /** Where the certificates of the issuers and their CRLs are. */
  readonly repositoryUrls: Urls;
  readonly validate: ChallengeValidator;
  readonly challengeTypes: readonly (ChallengeType | DraftChallengeType)[];
  readonly drafts: DraftChallenges;
  readonly profiles: ReadonlyMap<string, Profile>;
  /** The one that an order gets which names none. */
  readonly defaultProfile: Profile;
  /** Whether the directory lists them. */
  readonly profilesNamed: boolean;
  readonly policy: IdentifierPolicy;
  readonly meta: Meta;
  readonly admin: AdminOptions | undefined;
  /** Absent where the CA answers no OCSP requests. */
  readonly ocsp: SignedOcspResponses | undefined;
  readonly externalAccountRequired: boolean;
  readonly reuseAuthorizations: boolean;
  readonly lifetimes: Lifetimes;
  readonly limits: Limits;
  readonly rateLimiter: RateLimiter;
  readonly countedOrders: CountedOrders | undefined;
  readonly weakKeyFault: WeakKeyFault;
  readonly watch: ServerWatch;
  readonly background: Background;
  /** Limits how many validations run at once, in all and of one account. */
  readonly validationSlots: FairSlots;
  /** Before each further look at a challenge that was not valid. RFC 8555 §8.2 */
  readonly validationPauses: readonly DurationInput[];
  /**
   * Removes what has ended long ago and renews what will end, now and then; called whenever
   * something is added.
   */
  readonly housekeeping: () => void;
}
