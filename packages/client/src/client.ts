import type { Identifier } from '@acmex/identifier';
import {
  type AcmeSession,
  AcmeError,
  type Authorization,
  challengeReady,
  type Challenge,
  downloadCertificate,
  type DownloadedChain,
  finalizeOrder,
  getAuthorization,
  getOrder,
  keyAuthorization,
  newOrder,
  type Order,
  pollOrder,
  thumbprint,
} from '@acmex/protocol';
import { type InstantInput, mapConcurrent } from '@acmex/clock';
import { errorCode, printable } from '@acmex/errors';
import { ClientError } from './errors.ts';
import { orderFailure } from './failures.ts';
import { lostOrder } from './lost-order.ts';
import { type IssuanceProgress, nameOf } from './progress.ts';
import type { ChallengeSolver } from './solver.ts';
import { TriedChallenges } from './tried-challenges.ts';
import { checkState, type IssuanceState, newState, type SavedResponse } from './state.ts';

export interface AcmeClientOptions {
  /** An account at a CA: see `acmeSession` and `newAccount` of @acmex/protocol. */
  readonly session: AcmeSession;
  /** The first that fits a name's challenges answers for it. */
  readonly solvers: readonly ChallengeSolver[];
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

export interface IssueOptions {
  /** Where an earlier, interrupted call had come to: what it last gave to `save`. */
  readonly state?: IssuanceState | undefined;
  /**
   * Keeps the state. Awaited before the order is made, after the CA has answered, and before any
   * response is shown.
   */
  readonly save?: (state: IssuanceState) => Promise<void>;
  /** Ends the issuance; what is on display is taken down all the same. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: IssuanceProgress) => void;
}

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
  readonly saved: readonly SavedResponse[];
  readonly save: (responses: readonly SavedResponse[]) => Promise<void>;
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
  readonly #concurrency: number;

  constructor({ session, solvers, concurrency = 8 }: AcmeClientOptions) {
    this.#session = session;
    this.#solvers = solvers;
    this.#concurrency = concurrency;
  }

  /**
   * From names and a CSR to a chain. Continues from `state` where there is one: an order that is
   * `ready` skips its authorizations, `processing` is polled, `valid` is downloaded; one that is
   * gone or has failed is replaced by a new one. Where the earlier call ended while it made its
   * order, that one is looked for among the account's, if the CA lists them. Where a name fails and
   * another solver could answer for it, a new order is made and that one tried.
   * @throws ClientError `ERR_CLIENT_VALIDATION_FAILED` with each name's failure,
   * `ERR_CLIENT_NO_SOLVER`; AcmeError; the signal's reason
   */
  async issue(request: IssueRequest, options: IssueOptions = {}): Promise<IssuedChain> {
    const tried = new TriedChallenges();
    for (let state = options.state, first: unknown; ;) {
      try {
        return await this.#attempt(request, { ...options, state }, tried);
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
    { identifiers, csr, prefer, ...wishes }: IssueRequest,
    {
      state = newState,
      save = async () => {
        /* nothing is kept */
      },
      signal,
      onProgress,
    }: IssueOptions,
    tried: TriedChallenges,
  ): Promise<IssuedChain> {
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
      if (order.status !== 'pending') await this.abandon(current);
    } else {
      await this.abandon(current);
      await keep({ ...newState, ordering: true });
      order = await newOrder(this.#session, { identifiers, ...wishes }, { signal }).catch(
        async (error: unknown) => {
          if (isRefused(error)) await keep(newState);
          throw error;
        },
      );
      await keep({ order: order.url, ordering: undefined });
      onProgress?.({ type: 'ordered', order: order.url, names: identifiers.length });
    }
    if (order.status === 'pending') {
      order = await this.#validate(order, {
        saved: current.responses,
        save: (responses) => keep({ responses }),
        tried,
        onProgress,
        signal,
      });
      if (order.status === 'ready') onProgress?.({ type: 'validated', order: order.url });
    }
    if (order.status === 'ready') {
      order = await this.#finalize(order, typeof csr === 'function' ? await csr() : csr, signal);
      onProgress?.({ type: 'finalized', order: order.url });
    }
    if (order.status === 'processing' || order.status === 'ready')
      order = await pollOrder(this.#session, order, { signal });
    if (order.status !== 'valid') throw await this.#failure(order, signal);
    const chain = await this.#download(order, prefer, signal);
    onProgress?.({ type: 'issued', order: order.url });
    return { order: order.url, ...chain };
  }

  /**
   * Takes down what `state` says may be on display.
   * @throws AggregateError of what could not be taken down
   */
  async abandon(state: IssuanceState): Promise<void> {
    const failed: unknown[] = [];
    for (const { type, response } of checkState(state).responses) {
      const solver = this.#solvers.find((candidate) => candidate.type === type);
      if (!solver)
        failed.push(
          new ClientError(
            'ERR_CLIENT_NO_SOLVER',
            `a ${type} response may be on display, and this client has no ${type} solver to take it down`,
          ),
        );
      else await solver.remove(response).catch((error: unknown) => failed.push(error));
    }
    if (failed.length > 0)
      throw new AggregateError(
        failed,
        `${failed.length} challenge responses could not be taken down`,
      );
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
      if ((error as { readonly status?: unknown } | null)?.status === 404) return undefined;
      throw error;
    }
  }

  /**
   * Proves every name of the order that is not proven yet. Whatever happens, nothing stays on
   * display.
   */
  async #validate(order: Order<'pending'>, validation: Validation): Promise<Order> {
    const { saved, save, tried, onProgress, signal } = validation;
    const authorizations = await this.#each(order.authorizations, (url) =>
      getAuthorization(this.#session, url, { signal }),
    );
    const tasks = authorizations.flatMap((authorization) => {
      const { status, identifier, wildcard } = authorization;
      if (status === 'pending') return [this.#taskFor(authorization, tried)];
      if (status === 'valid') onProgress?.({ type: 'already-valid', identifier, wildcard });
      return [];
    });
    await this.abandon({
      version: 1,
      responses: saved.filter((response) => !tasks.some((task) => isFor(task)(response))),
    });
    const presentations = await this.#each(tasks, async (task) => ({
      ...task,
      saved: saved.find(isFor(task)) ?? (await this.#respond(task, signal)),
    }));
    await save(presentations.map((presentation) => presentation.saved));
    try {
      await this.#present(presentations, validation);
      return await pollOrder(this.#session, order, { signal });
    } finally {
      await this.#removeAll(presentations, onProgress);
    }
  }

  /** Shows the responses, waits until the CA can see them, and asks it to validate. */
  async #present(
    presentations: readonly Presentation[],
    { onProgress, signal }: Pick<Validation, 'onProgress' | 'signal'>,
  ): Promise<void> {
    await this.#each(presentations, async (presentation) => {
      await presentation.solver.present(presentation.saved.response, { signal });
      onProgress?.({ type: 'presented', ...progressOf(presentation) });
    });
    await this.#each(presentations, async (presentation) => {
      await presentation.solver.visible(presentation.saved.response, { signal });
      onProgress?.({ type: 'visible', ...progressOf(presentation) });
    });
    const pending = presentations.filter(({ challenge }) => challenge.status === 'pending');
    await this.#each(pending, async (presentation) => {
      await challengeReady(this.#session, presentation.challenge, { signal });
      onProgress?.({ type: 'answered', ...progressOf(presentation) });
    });
  }

  async #removeAll(
    presentations: readonly Presentation[],
    onProgress: Validation['onProgress'],
  ): Promise<void> {
    await Promise.all(
      presentations.map(async (presentation) => {
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

  /** Sends the CSR. When the response is lost, the order shows if the CSR arrived. */
  async #finalize(
    order: Order<'ready'>,
    csr: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<Order> {
    try {
      return await finalizeOrder(this.#session, order, csr, { signal });
    } catch (error) {
      const code = errorCode(error);
      if (code !== 'ERR_ACME_ANSWER_LOST' && code !== 'ERR_ACME_TIMEOUT') throw error;
      const now = await getOrder(this.#session, order.url, { signal });
      return now.status === 'ready'
        ? await finalizeOrder(this.#session, now, csr, { signal })
        : now;
    }
  }

  /** The chain that is wanted, else the CA's first. */
  async #download(
    order: Order<'valid'>,
    prefer: IssueRequest['prefer'],
    signal: AbortSignal | undefined,
  ): Promise<DownloadedChain> {
    const first = await downloadCertificate(this.#session, order, { signal });
    if (!prefer || prefer(first.pem)) return first;
    for (const certificate of first.alternates) {
      const alternate = await downloadCertificate(this.#session, { certificate }, { signal });
      if (prefer(alternate.pem)) return { ...alternate, alternates: first.alternates };
    }
    return first;
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

/** Whether the CA answered, and so made nothing. */
function isRefused(error: unknown): boolean {
  return (error as { readonly status?: unknown } | null)?.status !== undefined;
}

function progressOf({ authorization: { identifier, wildcard }, challenge }: Task) {
  return { identifier, wildcard, challenge: challenge.type };
}

function isFor({ authorization, challenge }: Task): (saved: SavedResponse) => boolean {
  return (saved) => saved.authorization === authorization.url && saved.type === challenge.type;
}
