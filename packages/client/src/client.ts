import type { Identifier } from '@acmex/identifier';
import {
  type AcmeSession,
  AcmeError,
  type Authorization,
  challengeReady,
  type Challenge,
  deactivateAuthorization,
  downloadCertificate,
  type DownloadedChain,
  finalizeOrder,
  getAuthorization,
  getOrder,
  keyAuthorization,
  latestMoment,
  newOrder,
  type Order,
  pollOrder,
  repeatAt,
  thumbprint,
} from '@acmex/protocol';
import { type DurationInput, type InstantInput, mapConcurrent, retry } from '@acmex/clock';
import { errorCode, errorText, printable } from '@acmex/errors';
import { ClientError } from './errors.ts';
import { checkExpected } from './expected-names.ts';
import { hasFailed, isFailed, orderFailure, validationFailure } from './failures.ts';
import { lostOrder } from './lost-order.ts';
import { type IssuanceProgress, nameOf } from './progress.ts';
import { type RemovalOptions, removeResponses } from './removal.ts';
import type { ChallengeSolver } from './solver.ts';
import { TriedChallenges } from './tried-challenges.ts';
import { checkState, type IssuanceState, newState, type SavedResponse } from './state.ts';

export interface AcmeClientOptions {
  /** An account at a CA: see `acmeSession` and `newAccount` of @acmex/protocol. */
  readonly session: AcmeSession;
  /** The first that fits a name's challenges answers for it. */
  readonly solvers: readonly ChallengeSolver[];
  /**
   * Returns a solver of a type that `solvers` lacks, to remove responses of an issuance that began
   * with it: see `removeResponses`. By default there is none.
   */
  readonly formerSolver?: RemovalOptions['solverOf'] | undefined;
  /** How many names are worked on at once in one issuance; 8 by default. */
  readonly concurrency?: number;
}

export interface IssueRequest {
  readonly identifiers: readonly Identifier[];
  /** DER, for exactly these names; or what makes it, called once all names are proven. */
  readonly csr: Uint8Array | (() => Promise<Uint8Array>);
  /** One of the profiles in the directory's `meta`. */
  readonly profile?: string | undefined;
  /** The certificate that this one follows: its id for renewal information. RFC 9773 §5 */
  readonly replaces?: string | undefined;
  /** Wished validity; many CAs refuse an order that has a wish. */
  readonly notBefore?: InstantInput | undefined;
  readonly notAfter?: InstantInput | undefined;
  /**
   * Whether a chain is the one wanted, where the CA offers several; the CA's first when none is.
   */
  readonly prefer?: ((pem: string) => boolean) | undefined;
}

type OrderRequest = Omit<IssueRequest, 'csr' | 'prefer'>;

export type ProveRequest = Pick<IssueRequest, 'identifiers' | 'profile'>;

/** Names that the account has proven to control, by an order that is not finalized. */
export interface NameProof {
  /** The URL of the order. */
  readonly order: string;
  /** URLs of the authorizations that were validated for it: not of those that were valid before. */
  readonly validated: readonly string[];
}

export interface IssueOptions {
  /** Where an earlier, interrupted call had come to: what it last gave to `save`. */
  readonly state?: IssuanceState | undefined;
  /**
   * Keeps the state. Awaited before the order is made, after the CA has answered, and before any
   * response is shown.
   */
  readonly save?: (state: IssuanceState) => Promise<void>;
  /**
   * How long to wait for a certificate while the order is `processing`; 5 minutes by default. After
   * that the order can be continued from the saved state.
   */
  readonly processingLimit?: DurationInput | undefined;
  /** Ends the issuance; what is on display is taken down all the same. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: IssuanceProgress) => void;
}

export type ProveOptions = Omit<IssueOptions, 'processingLimit'>;

/**
 * What the CA issued, as it came: look into it with `verifyIssued` of @acmex/certificate before it
 * is stored.
 */
export interface IssuedChain {
  readonly order: string;
  readonly url: string;
  /** PEM, the end-entity certificate first. */
  readonly pem: string;
  /** URLs of the same certificate with other issuers. */
  readonly alternates: readonly string[];
}

interface Validation {
  readonly identifiers: readonly Identifier[];
  readonly saved: readonly SavedResponse[];
  readonly save: (change: Pick<IssuanceState, 'responses' | 'expires'>) => Promise<void>;
  readonly tried: TriedChallenges;
  readonly onProgress: ((progress: IssuanceProgress) => void) | undefined;
  readonly signal: AbortSignal | undefined;
}

/** A name to prove: who answers which challenge of it. */
interface Task {
  readonly authorization: Authorization;
  readonly challenge: Challenge;
  readonly solver: ChallengeSolver;
}

interface Presentation extends Task {
  readonly saved: SavedResponse;
}

/**
 * Gets certificates from an ACME server. One instance serves any number of concurrent issuances.
 */
export class AcmeClient {
  readonly #session: AcmeSession;
  readonly #solvers: readonly ChallengeSolver[];
  readonly #formerSolver: AcmeClientOptions['formerSolver'];
  readonly #concurrency: number;

  constructor({ session, solvers, formerSolver, concurrency = 8 }: AcmeClientOptions) {
    this.#session = session;
    this.#solvers = solvers;
    this.#formerSolver = formerSolver;
    this.#concurrency = concurrency;
  }

  /**
   * From names and a CSR to a chain. Continues from `state` where there is one: an order that is
   * `ready` skips its authorizations, `processing` is polled, `valid` is downloaded; one that is
   * gone or has failed is replaced by a new one. Where the earlier call ended while it made its
   * order, that one is looked for among the account's, if the CA lists them. Where a name fails and
   * another solver could answer for it, a new order is made and that one tried.
   * @throws ClientError `ERR_CLIENT_VALIDATION_FAILED` with each name's failure,
   * `ERR_CLIENT_NO_SOLVER`; `ERR_CLIENT_RESPONSE_WANTED` where a person has to publish a response
   * first, after which the same order is continued; AcmeError; the signal's reason
   */
  async issue(request: IssueRequest, options: IssueOptions = {}): Promise<IssuedChain> {
    return await this.#withEachSolver(
      options,
      async (attempt, tried) => await this.#attempt(request, attempt, tried),
    );
  }

  /**
   * Proves control of names, for what a CA permits to an account that controls them, such as the
   * revocation of a certificate of another account (RFC 8555 §7.6). Makes an order, or continues that
   * of `state`, as `issue` does, and does not finalize it: nothing is issued. The order and its
   * authorizations stay until they expire, or until `withdraw`.
   * @throws as `issue`
   */
  async prove(request: ProveRequest, options: ProveOptions = {}): Promise<NameProof> {
    return await this.#withEachSolver(options, async (attempt, tried) => {
      const { order, responses } = await this.#ordered(request, attempt, tried);
      if (order.status === 'pending' || order.status === 'invalid')
        throw await this.#failure(order, attempt.signal);
      const validated = new Set(responses.map(({ authorization }) => authorization));
      return { order: order.url, validated: [...validated] };
    });
  }

  /**
   * Deactivates the authorizations that were validated for a proof, which ends its order. Those that
   * were valid before stay. RFC 8555 §7.5.2
   * @throws AcmeError
   */
  async withdraw(
    { validated }: Pick<NameProof, 'validated'>,
    { signal }: Pick<IssueOptions, 'signal'> = {},
  ): Promise<void> {
    await this.#each(validated, (url) => deactivateAuthorization(this.#session, url, { signal }));
  }

  /** Attempts an order. Where a name fails, attempts another order with the next solver for it. */
  async #withEachSolver<T, O extends ProveOptions>(
    options: O,
    attempt: (options: O, tried: TriedChallenges) => Promise<T>,
  ): Promise<T> {
    const tried = new TriedChallenges();
    for (let state = options.state, first: unknown; ;) {
      try {
        return await attempt({ ...options, state }, tried);
      } catch (error) {
        // The CA's verdict on what was tried first is worth more than what became of the second
        // choice.
        if (first !== undefined && errorCode(error) === 'ERR_CLIENT_NO_SOLVER') throw first;
        if (
          errorCode(error) !== 'ERR_CLIENT_VALIDATION_FAILED' ||
          !tried.addAll((error as ClientError).failures, this.#solvers)
        )
          throw error;
        first ??= error;
        state = undefined;
      }
    }
  }

  async #attempt(
    { csr, prefer, ...request }: IssueRequest,
    options: IssueOptions,
    tried: TriedChallenges,
  ): Promise<IssuedChain> {
    const { processingLimit: limit, signal, onProgress } = options;
    let { order } = await this.#ordered(request, options, tried);
    if (order.status === 'ready') {
      order = await this.#finalize(order, typeof csr === 'function' ? await csr() : csr, signal);
      onProgress?.({ type: 'finalized', order: order.url });
    }
    if (order.status === 'processing' || order.status === 'ready')
      order = await pollOrder(this.#session, order, { signal, limit });
    if (order.status !== 'valid') throw await this.#failure(order, signal);
    const chain = await this.#download(order, prefer, signal);
    onProgress?.({ type: 'issued', order: order.url });
    return { order: order.url, ...chain };
  }

  /**
   * Makes an order, or continues that of the state, until all its names are proven or one of them has
   * failed.
   * @returns also the responses that were saved for the authorizations which were not valid yet
   */
  async #ordered(
    { identifiers, ...wishes }: OrderRequest,
    {
      state = newState,
      save = async () => {
        /* nothing is kept */
      },
      signal,
      onProgress,
    }: ProveOptions,
    tried: TriedChallenges,
  ): Promise<{ readonly order: Order; readonly responses: readonly SavedResponse[] }> {
    let current = checkState(state);
    const keep = async (change: Partial<IssuanceState>) => {
      current = { ...current, ...change };
      await save(current);
    };
    let order = await this.#resume(current, identifiers, { signal, onProgress });
    if (order) {
      if (current.order !== order.url) await keep({ order: order.url, ordering: undefined });
      onProgress?.({ type: 'resumed', order: order.url, names: identifiers.length });
      // Proven before its process ended, which could not take down what had proven it.
      if (order.status !== 'pending') await this.abandon(current, { onProgress });
    } else {
      await this.abandon(current, { onProgress });
      await keep({ ...noOrder, ordering: true });
      order = await newOrder(this.#session, { identifiers, ...wishes }, { signal }).catch(
        async (error: unknown) => {
          if (isRefused(error)) await keep(noOrder);
          throw error;
        },
      );
      await keep({ order: order.url, ordering: undefined });
      onProgress?.({ type: 'ordered', order: order.url, names: identifiers.length });
    }
    if (order.status === 'pending') {
      order = await this.#validate(order, {
        identifiers,
        saved: current.responses,
        save: keep,
        tried,
        onProgress,
        signal,
      }).catch(async (error: unknown) => {
        // An order that stays pending with a failed challenge leads nowhere: the next try has its own.
        if (errorCode(error) === 'ERR_CLIENT_VALIDATION_FAILED') await keep({ order: undefined });
        throw error;
      });
      if (order.status === 'ready') onProgress?.({ type: 'validated', order: order.url });
    }
    return { order, responses: current.responses };
  }

  /**
   * Removes the responses that `state` says may be published. One that nothing can remove any more
   * is reported and left behind: see `removeResponses`.
   * @throws AggregateError of what could not be removed now, and perhaps can later
   */
  async abandon(
    state: IssuanceState,
    { onProgress }: Pick<IssueOptions, 'onProgress'> = {},
  ): Promise<void> {
    await removeResponses(state, {
      solverOf: async (type) =>
        this.#solvers.find((candidate) => candidate.type === type) ??
        (await this.#formerSolver?.(type)),
      onProgress,
    });
  }

  /** Returns the order of a saved state; `undefined` when there is none to resume. */
  async #resume(
    { order: url, ordering }: IssuanceState,
    identifiers: readonly Identifier[],
    { signal, onProgress }: Pick<Validation, 'signal' | 'onProgress'>,
  ): Promise<Order | undefined> {
    if (url === undefined) {
      const lost = ordering ? await lostOrder(this.#session, identifiers, { signal }) : undefined;
      if (lost !== 'unlisted') return lost;
      onProgress?.({ type: 'order-orphaned' });
      return undefined;
    }
    try {
      const order = await getOrder(this.#session, url, { signal });
      return order.status === 'invalid' ? undefined : order;
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  /**
   * Proves every name of the order that is not proven yet. Whatever happens, nothing stays on
   * display.
   */
  async #validate(order: Order<'pending'>, validation: Validation): Promise<Order> {
    const { identifiers, saved, save, tried, onProgress, signal } = validation;
    const authorizations = await this.#each(order.authorizations, (url) =>
      getAuthorization(this.#session, url, { signal }),
    );
    const tasks = authorizations.flatMap((authorization) => {
      const { status, identifier, wildcard } = authorization;
      if (status === 'pending') {
        checkExpected(authorization, identifiers);
        return [this.#taskFor(authorization, tried)];
      }
      if (status === 'valid') onProgress?.({ type: 'already-valid', identifier, wildcard });
      return [];
    });
    const responses = saved.filter((response) => !tasks.some((task) => isFor(task)(response)));
    await this.abandon({ version: 1, responses }, { onProgress });
    const presentations = await this.#each(tasks, async (task) => ({
      ...task,
      saved: saved.find(isFor(task)) ?? (await this.#respond(task, signal)),
    }));
    await save({
      responses: presentations.map((presentation) => presentation.saved),
      expires: earliest([order, ...tasks.map(({ authorization }) => authorization)]),
    });
    try {
      const check = async () => await this.#checkChallenges(presentations, signal);
      const challenges = await this.#present(presentations, validation);
      if (challenges.some(isFailed)) await check();
      const notBefore = latestMoment(
        [...authorizations, ...challenges].map(({ retryAfter }) => retryAfter),
      );
      return await pollOrder(this.#session, order, { signal, notBefore, check });
    } finally {
      await this.#removeAll(presentations, onProgress);
    }
  }

  /**
   * Shows the responses, waits until the CA can see them, and asks it to validate.
   * @returns the challenges as the CA then has them
   */
  async #present(
    presentations: readonly Presentation[],
    { onProgress, signal }: Pick<Validation, 'onProgress' | 'signal'>,
  ): Promise<readonly Challenge[]> {
    const attended = presentations.filter(isAttended);
    await this.#assertPublished(attended, signal);
    const presented = presentations.filter((presentation) => !attended.includes(presentation));
    await this.#each(presented, async (presentation) => {
      await presentation.solver.present(presentation.saved.response, { signal });
      onProgress?.({ type: 'presented', ...progressOf(presentation) });
    });
    for (const presentation of attended)
      onProgress?.({ type: 'visible', ...progressOf(presentation) });
    await this.#each(presented, async (presentation) => {
      await presentation.solver.visible(presentation.saved.response, { signal });
      onProgress?.({ type: 'visible', ...progressOf(presentation) });
    });
    const pending = presentations.filter(({ challenge }) => challenge.status === 'pending');
    return await this.#each(pending, async (presentation) => {
      const challenge = await challengeReady(this.#session, presentation.challenge, { signal });
      onProgress?.({ type: 'answered', ...progressOf(presentation) });
      return challenge;
    });
  }

  /**
   * Makes sure that all responses are visible which a person publishes. What the CA validates already
   * is not looked at.
   * @throws ClientError `ERR_CLIENT_RESPONSE_WANTED`
   */
  async #assertPublished(
    attended: readonly Presentation[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const pending = attended.filter(({ challenge }) => challenge.status === 'pending');
    const reasons = await this.#each(pending, async ({ solver, saved: { response } }) => {
      try {
        await solver.visible(response, { signal });
        return undefined;
      } catch (error) {
        signal?.throwIfAborted();
        return errorText(error);
      }
    });
    const missing = reasons.filter((reason) => reason !== undefined);
    if (missing.length > 0)
      throw new ClientError(
        'ERR_CLIENT_RESPONSE_WANTED',
        `${missing.length} of ${attended.length} challenge responses that a person publishes are not visible yet: ${printable(missing.join('; '), 2000)}`,
      );
  }

  /**
   * Ends the wait for an order when one of its challenges has failed: not every CA then makes the
   * authorization and the order invalid. An authorization that stays pending is given up.
   * @returns when the CA wants to be asked again, if it says so
   * @throws ClientError `ERR_CLIENT_VALIDATION_FAILED`
   */
  async #checkChallenges(
    presentations: readonly Presentation[],
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const session = this.#session;
    const authorizations = await this.#each(presentations, async ({ authorization, challenge }) => {
      const { challenges, ...latest } = await getAuthorization(session, authorization.url, {
        signal,
      });
      return { ...latest, challenges: challenges.filter(({ type }) => type === challenge.type) };
    });
    const failed = authorizations.filter(hasFailed);
    if (failed.length === 0) return latestMoment(authorizations.map((entry) => entry.retryAfter));
    const pending = failed.filter(({ status }) => status === 'pending');
    await this.#each(pending, ({ url }) =>
      deactivateAuthorization(session, url, { signal }).catch(noop),
    );
    throw validationFailure(failed, presentations.length);
  }

  async #removeAll(
    presentations: readonly Presentation[],
    onProgress: Validation['onProgress'],
  ): Promise<void> {
    const published = presentations.filter((presentation) => !isAttended(presentation));
    await Promise.all(
      published.map(async (presentation) => {
        const progress = progressOf(presentation);
        await presentation.solver.remove(presentation.saved.response).then(
          () => onProgress?.({ type: 'removed', ...progress }),
          (error: unknown) => onProgress?.({ type: 'left-on-display', ...progress, error }),
        );
      }),
    );
  }

  #each<T, R>(list: readonly T[], work: (entry: T) => Promise<R>): Promise<readonly R[]> {
    return mapConcurrent(this.#concurrency, list, work);
  }

  #taskFor(authorization: Authorization, tried: TriedChallenges): Task {
    const { identifier, wildcard, challenges } = authorization;
    for (const solver of this.#solvers.filter(({ type }) => !tried.has(authorization, type))) {
      const challenge = challenges.find(
        ({ type, status }) => type === solver.type && status !== 'invalid',
      );
      if (challenge && solver.supports(identifier, wildcard))
        return { authorization, challenge, solver };
    }
    const isOurs = ({ type }: Challenge) => this.#solvers.some((solver) => solver.type === type);
    const failed = challenges.filter((challenge) => isOurs(challenge) && isFailed(challenge));
    if (failed.length > 0) throw validationFailure([{ ...authorization, challenges: failed }], 1);
    const offered = printable(challenges.map(({ type }) => type).join(', ') || 'none', 300);
    const have = this.#solvers.map(({ type }) => type).join(', ') || 'none';
    throw new ClientError(
      'ERR_CLIENT_NO_SOLVER',
      `${printable(nameOf(authorization), 255)}: the CA offers the challenges ${offered}; of the solvers at hand (${have}) none can answer one${wildcard ? '; a wildcard needs dns-01' : ''}`,
    );
  }

  async #respond(
    { authorization, challenge, solver }: Task,
    signal: AbortSignal | undefined,
  ): Promise<SavedResponse> {
    const { identifier, wildcard, url } = authorization;
    const { key, account = '' } = this.#session;
    const { type, members } = challenge;
    const answer = solver.tokenless
      ? { token: '', keyAuthorization: '' }
      : { token: challenge.token ?? '', keyAuthorization: await keyAuthorization(key, challenge) };
    const { meta } = await this.#session.directory({ signal });
    const response = await solver.respond(
      {
        type,
        identifier,
        wildcard,
        ...answer,
        account: { url: account, thumbprint: await thumbprint(key) },
        members,
        meta: meta.members,
      },
      { signal },
    );
    return { type, authorization: url, response };
  }

  /**
   * Sends the CSR. Where the answer is lost, or is not the CA's last word, the order shows whether
   * the CSR arrived; it is sent again while the order is still ready.
   */
  async #finalize(
    ready: Order<'ready'>,
    csr: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<Order> {
    const session = this.#session;
    let order: Order = ready;
    return await this.#patiently(signal, async (isFirst) => {
      if (!isFirst) order = await getOrder(session, ready.url, { signal });
      if (order.status === 'pending') order = await pollOrder(session, order, { signal });
      return order.status === 'ready'
        ? await finalizeOrder(session, order, csr, { signal })
        : order;
    });
  }

  /**
   * Downloads the chain that is wanted, else the CA's first. A certificate that is not there yet is
   * asked for again, at the URL that the order then has.
   */
  async #download(
    order: Order<'valid'>,
    prefer: IssueRequest['prefer'],
    signal: AbortSignal | undefined,
  ): Promise<DownloadedChain> {
    const session = this.#session;
    const first = await this.#patiently(signal, async (isFirst) => {
      const latest = isFirst ? order : await getOrder(session, order.url, { signal });
      return await downloadCertificate(session, latest.status === 'valid' ? latest : order, {
        signal,
      });
    });
    if (!prefer || prefer(first.pem)) return first;
    for (const certificate of first.alternates) {
      const alternate = await downloadCertificate(session, { certificate }, { signal }).catch(
        (error: unknown) => {
          signal?.throwIfAborted();
          if (isPassing(error)) return undefined; // the first chain is worth more than none
          throw error;
        },
      );
      if (alternate && prefer(alternate.pem))
        return { ...alternate, alternates: alternatesOf(first, alternate) };
    }
    return first;
  }

  /**
   * Downloads the alternates of what was issued, PEM: eight at most, in the CA's order. What cannot
   * be downloaded is left out.
   */
  async alternateChains(
    { alternates }: Pick<IssuedChain, 'alternates'>,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<readonly string[]> {
    const chains: string[] = [];
    for (const certificate of alternates.slice(0, maxAlternates)) {
      const chain = await downloadCertificate(this.#session, { certificate }, { signal }).catch(
        () => undefined,
      );
      signal?.throwIfAborted();
      if (chain) chains.push(chain.pem);
    }
    return chains;
  }

  /**
   * Repeats work that fails with an error that may pass: five attempts, within about 15 seconds, or
   * when the CA says.
   */
  async #patiently<T>(
    signal: AbortSignal | undefined,
    work: (isFirst: boolean) => Promise<T>,
  ): Promise<T> {
    const { clock, random } = this.#session;
    const backoff = { first: { seconds: 1 }, longest: { seconds: 8 }, jitter: 0.5 };
    const again = (outcome: PromiseSettledResult<T>) =>
      outcome.status === 'rejected' &&
      isPassing(outcome.reason) &&
      repeatAt((outcome.reason as Partial<AcmeError>).retryAfter, clock.now());
    let isFirst = true;
    return await retry<T>(clock, { attempts: 5, backoff, random, signal, again }, async () => {
      const result = work(isFirst);
      isFirst = false;
      return await result;
    });
  }

  async #failure(order: Order, signal: AbortSignal | undefined): Promise<Error> {
    if (order.status !== 'invalid')
      return new AcmeError(
        'ERR_ACME_ANSWER',
        `the order ${order.url} went from validated back to ${order.status}`,
      );
    return orderFailure(
      order,
      await this.#each(order.authorizations, (url) =>
        getAuthorization(this.#session, url, { signal }),
      ),
    );
  }
}

const passingCodes: ReadonlySet<string | undefined> = new Set([
  'ERR_ACME_ANSWER',
  'ERR_ACME_ANSWER_LOST',
  'ERR_ACME_TIMEOUT',
  'ERR_ACME_UNREACHABLE',
  'ERR_ACME_ORDER_NOT_READY',
  'ERR_ACME_SERVER_INTERNAL',
]);

/** Whether a failure after all names are proven may pass, so that nothing issued is given up. */
/** Let's Encrypt offers two at most. */
const maxAlternates = 8;

/** Returns the URLs of the chains that were not chosen. */
function alternatesOf(first: DownloadedChain, chosen: DownloadedChain): readonly string[] {
  return [first.url, ...first.alternates].filter((url) => url !== chosen.url);
}

function isPassing(error: unknown): boolean {
  const status = statusOf(error);
  return (
    passingCodes.has(errorCode(error)) || status === 404 || (status !== undefined && status >= 500)
  );
}

function statusOf(error: unknown): number | undefined {
  const status = (error as { readonly status?: unknown } | null)?.status;
  return typeof status === 'number' ? status : undefined;
}

/** What a state becomes when there is no order any more. */
const noOrder = { ...newState, order: undefined, ordering: undefined, expires: undefined };

/** Whether the CA answered, and so made nothing. */
function isRefused(error: unknown): boolean {
  return statusOf(error) !== undefined;
}

function noop(): void {
  // an authorization that cannot be given up ends with its order
}

function isAttended({ solver, saved: { response } }: Presentation): boolean {
  return solver.isAttended?.(response) ?? false;
}

/** Returns the first moment at which an order or one of its authorizations expires, RFC 3339. */
function earliest(
  resources: readonly { readonly expires?: string | undefined }[],
): string | undefined {
  const moments = resources
    .map(({ expires = '' }) => expires)
    .filter((expires) => !Number.isNaN(Date.parse(expires)));
  return moments.sort((a, b) => Date.parse(a) - Date.parse(b))[0];
}

function progressOf({ authorization: { identifier, wildcard }, challenge }: Task) {
  return { identifier, wildcard, challenge: challenge.type };
}

function isFor({ authorization, challenge }: Task): (saved: SavedResponse) => boolean {
  return (saved) => saved.authorization === authorization.url && saved.type === challenge.type;
}
