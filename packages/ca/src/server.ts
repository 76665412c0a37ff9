import { type Clock, type DurationInput, systemClock } from '@acmex/clock';
import { type ChallengeType, challengeTypes } from '@acmex/protocol';
import type { Storage } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import type { AdminOptions } from './admin-options.ts';
import { background, type ServerFailure } from './background.ts';
import { listCompromisedKeys } from './compromised-keys.ts';
import type { ChallengeValidator } from './challenge-validator.ts';
import { type DraftChallengeOptions, draftChallenges } from './draft-challenges.ts';
import { type Handler, handlerOf, repositoryHandlerOf } from './handler.ts';
import { housekeeping } from './housekeeping.ts';
import type { IdentifierPolicy } from './identifiers.ts';
import { resumeIssuances } from './issuance.ts';
import type { Issuers, PresentIssuers } from './authority/issuer.ts';
import { signedOcspResponses } from './signed-ocsp-responses.ts';
import { type ProfileOptions, profilesOf } from './profiles.ts';
import { weakKeyFaults } from './public-key.ts';
import { countedOrders, type OrderLimits } from './order-limits.ts';
import { type RateLimiter, tokenBuckets } from './rate-limits.ts';
import type { Lifetimes, Limits, Meta, Service } from './service.ts';
import type { ServerWatch } from './server-watch.ts';
import { fairSlots } from './slots.ts';
import { urlsUnder } from './urls.ts';
import { resumeValidations } from './validations.ts';

export interface AcmeServerOptions extends Issuers, Meta, DraftChallengeOptions, ServerWatch {
  /**
   * Where clients reach it: `https://ca.example/acme`, with the directory at `/acme/directory`.
   * Never taken from a request.
   */
  readonly url: string;
  /** All that the server knows. Several processes may share one. */
  readonly storage: Storage;
  /**
   * Returns the issuers at this moment: see `followAuthority`. By default, `issuer` and
   * `previousIssuers` while the server runs.
   */
  readonly presentIssuers?: (() => Promise<Issuers>) | undefined;
  /**
   * Where `repository` is reached: `http://pki.example`. Certificates name it. A plain http URL, so
   * that clients can verify a certificate without verifying another; `url` by default.
   */
  readonly repositoryUrl?: string | undefined;
  /** Looks whether an account controls a name. */
  readonly validate: ChallengeValidator;
  /** Called with each internal failure; clients only get its correlation id. */
  readonly onError: (failure: ServerFailure) => void;
  /** All three by default; those of drafts come beside. */
  readonly challengeTypes?: readonly ChallengeType[];
  /**
   * By name; the first is for orders that name none. One of 90 days by default, which the directory
   * does not list.
   */
  readonly profiles?: Readonly<Record<string, ProfileOptions>>;
  /** Says no to names that the issuer would be allowed to issue for. */
  readonly policy?: IdentifierPolicy;
  /** Serves a list of the issued certificates to the operator. Off by default. */
  readonly admin?: AdminOptions | undefined;
  /**
   * Answers OCSP requests at `repository` and names it in certificates. Off by default. RFC 6960
   */
  readonly ocsp?: boolean | undefined;
  readonly externalAccountRequired?: boolean;
  /** Lets an order use what its account has proven for an earlier one. Off by default. */
  readonly reuseAuthorizations?: boolean;
  /** Orders and proofs: 24 hours each; nonces: an hour; lists of revoked certificates: a week; OCSP
   * responses: a day.
   */
  readonly lifetimes?: Partial<Record<keyof Lifetimes, DurationInput>>;
  readonly limits?: Partial<Limits>;
  /**
   * Before each further look at a challenge that was not valid: 1, 3 and 8 seconds by default; an
   * empty list lets the first look decide. Two minutes in total at most. RFC 8555 §8.2
   */
  readonly validationPauses?: readonly DurationInput[];
  /** Token buckets in this process by default. */
  readonly rateLimiter?: RateLimiter;
  /** Limits of orders and certificates, as public CAs have them; none by default. */
  readonly orderLimits?: OrderLimits | undefined;
  readonly clock?: Clock;
}

/**
 * An ACME server. Disposing of it ends its background work; what is unfinished is taken up by the
 * next one on the same storage.
 */
export interface AcmeServer extends AsyncDisposable {
  /** The URL of its directory. */
  readonly directory: string;
  readonly handler: Handler;
  /** Serves the certificates of the issuers and their CRLs alone, below `repositoryUrl`. */
  readonly repository: Handler;
  /** When no validation and no issuance is under way in this process. */
  idle(): Promise<void>;
}

/**
 * The server's side of RFC 8555, with a CA behind it. State is only in the storage: what was
 * acknowledged survives a restart, and validations and issuances that a process has left are taken
 * up at the start.
 * @throws CaError `ERR_CA_URL`, `ERR_CA_PROFILE`, `ERR_CA_CHALLENGE`
 */
export function acmeServer(options: AcmeServerOptions): AcmeServer {
  const service = serviceOf(options);
  const handler = handlerOf(service, options.onError);
  resume(service);
  return {
    directory: service.urls.of('/directory'),
    handler,
    repository: repositoryHandlerOf(service, options.onError),
    idle: service.background.idle,
    [Symbol.asyncDispose]: service.background.close,
  };
}

/** Takes up what the last start left: one failure keeps nothing else from being taken up. */
function resume(service: Service): void {
  const { run } = service.background;
  run('listing compromised keys', async () => await listCompromisedKeys(service.storage));
  run('resuming issuances', async () => await resumeIssuances(service));
  run('resuming validations', async () => await resumeValidations(service));
}

function serviceOf(options: AcmeServerOptions): Service {
  const services = partsOf(options);
  return { ...services, housekeeping: housekeeping(services) };
}

function partsOf({
  clock = systemClock,
  ...options
}: AcmeServerOptions): Omit<Service, 'housekeeping'> {
  const profiles = profilesOf(options.profiles ?? { default: {} });
  const urls = urlsUnder(options.url);
  const drafts = draftChallenges(options, urls);
  const [defaultProfile] = profiles.values();
  if (!defaultProfile) throw new RangeError('profilesOf gives one profile at least');
  return {
    clock,
    profiles,
    defaultProfile,
    storage: options.storage,
    issuers: issuersOf(options, clock),
    repositoryUrls: options.repositoryUrl === undefined ? urls : urlsUnder(options.repositoryUrl),
    validate: options.validate,
    urls,
    drafts,
    challengeTypes: [...(options.challengeTypes ?? challengeTypes), ...drafts.types],
    profilesNamed: options.profiles !== undefined,
    policy: options.policy ?? (async () => undefined),
    meta: {
      termsOfService: options.termsOfService,
      website: options.website,
      caaIdentities: options.caaIdentities,
    },
    admin: options.admin,
    ocsp: options.ocsp === true ? signedOcspResponses() : undefined,
    externalAccountRequired: options.externalAccountRequired ?? false,
    reuseAuthorizations: options.reuseAuthorizations ?? false,
    lifetimes: lifetimesOf(options.lifetimes),
    limits: {
      pendingOrders: 300,
      pendingAuthorizations: 1000,
      ...options.limits,
      identifiers: Math.min(100, options.limits?.identifiers ?? 100),
    },
    rateLimiter: options.rateLimiter ?? tokenBuckets({ clock }),
    countedOrders: options.orderLimits && countedOrders(options.orderLimits, clock),
    weakKeyFault: weakKeyFaults(),
    watch: {
      answering: options.answering,
      onAnswer: options.onAnswer,
      onIssued: options.onIssued,
    },
    background: background(options.onError),
    validationSlots: fairSlots({ slots: 200, share: 50 }),
    validationPauses: options.validationPauses ?? [{ seconds: 1 }, { seconds: 3 }, { seconds: 8 }],
  };
}

function issuersOf(options: AcmeServerOptions, clock: Clock): () => Promise<PresentIssuers> {
  const { presentIssuers = async () => options } = options;
  return async () => {
    const { issuer: current, previousIssuers = [] } = await presentIssuers();
    const unexpired = previousIssuers.filter(
      ({ notAfter }) => Temporal.Instant.compare(notAfter, clock.now()) > 0,
    );
    return { current, all: [current, ...unexpired] };
  };
}

function lifetimesOf(lifetimes: AcmeServerOptions['lifetimes'] = {}): Lifetimes {
  const length = (name: keyof Lifetimes, usual: DurationInput) =>
    Temporal.Duration.from(lifetimes[name] ?? usual).round({ largestUnit: 'hour' });
  return {
    order: length('order', { hours: 24 }),
    authorization: length('authorization', { hours: 24 }),
    nonce: length('nonce', { hours: 1 }),
    crl: length('crl', { hours: 7 * 24 }),
    ocsp: length('ocsp', { hours: 24 }),
  };
}
