import { type CryptoBackend, webcrypto } from '@acmex/certificate';
import { type Clock, type DurationInput, systemClock } from '@acmex/clock';
import {
  acquireLock,
  idOf,
  newId,
  type ReadManyOptions,
  type Storage,
  untilWritten,
} from '@acmex/storage';
import {
  certificates,
  type CertificateSummary,
  type ManagedCertificate,
  summaryChanges,
} from './certificate-record.ts';
import type { CertificateSpec } from './certificate-spec.ts';
import { CertificateStore } from './certificate-store.ts';
import {
  type Declaration,
  type DeclaredEntry,
  type DeclareOptions,
  Declarer,
} from './declaration.ts';
import { joinDuplicates, type JoinOptions, type JoinedDuplicates } from './duplicates.ts';
import { OrchestratorError } from './errors.ts';
import { Execution, type Outcome } from './execution.ts';
import { holding } from './holds.ts';
import type { Issuer } from './issuer.ts';
import {
  hasEnded,
  type OrderCause,
  orderChanges,
  type OrderReason,
  type OrderRecord,
  orders,
} from './order-record.ts';

export interface ProvisionerOptions {
  readonly storage: Storage;
  /** All that there are, or what finds one by its name. */
  readonly issuers: readonly Issuer[] | ((name: string) => Promise<Issuer | undefined>);
  readonly crypto?: CryptoBackend | undefined;
  readonly clock?: Clock | undefined;
  /** How long a process may be silent before another goes on with its order; 10 seconds by default. */
  readonly lease?: DurationInput | undefined;
  /** Renew no later than this long before the end, of certificates that say nothing else: see `CertificateMaintenance.replan`. */
  readonly renewBefore?: DurationInput | undefined;
}

/** What is to be ordered: for a certificate that is managed, or for a new one. */
export interface Submission {
  readonly certificate: string | CertificateSpec;
  /** Why; `obtain` by default. */
  readonly cause?: OrderCause | undefined;
  readonly explanationUrl?: string | undefined;
  /** Whether a failure is the end of it (somebody waits and will see it), or it is tried again until it succeeds, which is the default. */
  readonly onFailure?: 'retry' | 'end' | undefined;
  /** Of whoever asks: it is kept with the order, and comes back with what becomes of it. W3C Trace Context §3.2 */
  readonly traceparent?: string | undefined;
}

const reasonOf = ({
  cause = 'obtain',
  explanationUrl,
  onFailure = 'retry',
  traceparent,
}: Omit<Submission, 'certificate'>): OrderReason => ({
  cause,
  explanationUrl,
  onFailure,
  traceparent,
});

export type OrderStatus = OrderRecord & { readonly id: string };

/**
 * Gets certificates, by orders that live in the storage: they survive the process, and executing one again goes on with it. Any
 * number of processes may share the storage; one at a time works for a certificate.
 */
export class Provisioner {
  readonly certificates: CertificateStore;
  /** Of certificates that say nothing else. */
  readonly renewBefore: DurationInput | undefined;
  readonly #storage: Storage;
  readonly #issuers: ProvisionerOptions['issuers'];
  readonly #crypto: CryptoBackend;
  readonly #clock: Clock;
  readonly #lease: DurationInput;
  readonly #declarer: Declarer;

  constructor({
    storage,
    issuers,
    crypto = webcrypto(),
    clock = systemClock,
    lease = { seconds: 10 },
    renewBefore,
  }: ProvisionerOptions) {
    this.renewBefore = renewBefore;
    this.#storage = storage;
    this.#issuers = issuers;
    this.#crypto = crypto;
    this.#clock = clock;
    this.#lease = lease;
    this.certificates = new CertificateStore({ storage, clock });
    this.#declarer = new Declarer({
      storage,
      clock,
      certificates: this.certificates,
      assertIssuer: async (name) => {
        await this.issuer(name);
      },
    });
  }

  /**
   * Brings about that there is one certificate as `spec` says: it is created, changed, ordered where its names, its CA, its profile,
   * its type of key or Must-Staple are not those that it was issued for, or left as it is. Nothing is asked of the CA yet. Keys that
   * `spec` does not have stay as they are. Of any number of processes that declare the same at the same moment one creates it.
   * @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT`, `ERR_ORCHESTRATOR_ISSUER`; `ERR_ORCHESTRATOR_PAUSED` where it is always to be
   * ordered, and paused; what `options.admit` throws
   */
  async declare(spec: CertificateSpec, options?: DeclareOptions): Promise<Declaration> {
    return await this.#declarer.declare(spec, options);
  }

  /**
   * Declares several certificates. Some of them may have the same names: each is a certificate of its own.
   * @returns what became of each, in their order
   */
  async declareAll(entries: readonly DeclaredEntry[]): Promise<readonly Declaration[]> {
    return await this.#declarer.declareAll(entries);
  }

  /**
   * Joins certificates that are the same: those with the same names, CA, profile and type of key, as versions before 0.2 made when
   * two processes declared one at the same moment. The one with the newest valid generation stays, with the places that any of them
   * is deployed to. The ids and generations of the others still lead to a certificate and its keys.
   */
  async joinDuplicates(options: JoinOptions = {}): Promise<readonly JoinedDuplicates[]> {
    return await joinDuplicates(
      {
        storage: this.#storage,
        clock: this.#clock,
        certificates: this.certificates,
        endOrder: async (order, { signal }) => {
          await this.cancel(order);
          await this.execute(order, { signal });
        },
      },
      options,
    );
  }

  /**
   * Writes down what is to be done; nothing is asked of the CA yet. One order at a time is under way for a certificate: another
   * submission gets that one.
   * @returns the order's id
   * @throws OrchestratorError `ERR_ORCHESTRATOR_NOT_FOUND`, `ERR_ORCHESTRATOR_INPUT`, `ERR_ORCHESTRATOR_ISSUER`, `ERR_ORCHESTRATOR_PAUSED`
   */
  async submit({ certificate, ...reason }: Submission): Promise<string> {
    return typeof certificate === 'string'
      ? await this.#submitted(certificate, () => reason)
      : await this.#added(certificate, reasonOf(reason));
  }

  /**
   * The same for a managed certificate, where `decide` wants it: that is asked again each time another process has changed the
   * certificate before this could be written, so that a renewal which another has ended meanwhile is not done twice.
   * @returns the order's id; undefined where nothing is under way or wanted
   * @throws OrchestratorError `ERR_ORCHESTRATOR_NOT_FOUND`, `ERR_ORCHESTRATOR_ISSUER`, `ERR_ORCHESTRATOR_PAUSED`
   */
  async submitIf(
    id: string,
    decide: (certificate: ManagedCertificate) => Omit<Submission, 'certificate'> | undefined,
  ): Promise<string | undefined> {
    return await this.#submitted(id, decide);
  }

  async #submitted<T extends Omit<Submission, 'certificate'> | undefined>(
    id: string,
    decide: (certificate: ManagedCertificate) => T,
  ): Promise<string | Extract<T, undefined>> {
    return await untilWritten(async () => {
      const stored = await this.certificates.stored(id);
      const { record } = stored;
      const certificate = idOf(stored);
      const { names, issuer } = record;
      if (record.order !== undefined) return record.order;
      const wanted = decide({ id: certificate, ...record });
      if (wanted === undefined) return undefined as Extract<T, undefined>;
      if (record.paused)
        throw new OrchestratorError(
          'ERR_ORCHESTRATOR_PAUSED',
          `${certificate} (${names.join(', ')}) is paused: resume it first`,
        );
      await this.issuer(issuer);
      const order = newId('ord', this.#clock);
      const now = this.#clock.now().toString();
      await this.#storage.write([
        ...orderChanges(
          order,
          { certificate, names, issuer, reason: reasonOf(wanted) },
          this.#clock,
        ),
        ...summaryChanges(certificate, stored, {
          ...record,
          order,
          orderedAt: now,
          failure: record.failure && { ...record.failure, retryAt: now },
        }),
      ]);
      return order;
    });
  }

  /**
   * Does the work of an order, from wherever it had come to, and waits where another process does it. When `signal` aborts,
   * nothing stays on display, and the order waits for whoever executes it next.
   * @throws the signal's reason; LockLostError when another process has taken the order over
   */
  async execute(
    id: string,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Outcome> {
    const { certificate, traceparent } = await this.status(id);
    await using lock = await acquireLock(this.#storage, `certificate/${certificate}`, {
      lease: this.#lease,
      signal,
      clock: this.#clock,
    });
    const outcome = await new Execution(id, {
      storage: this.#storage,
      lock,
      crypto: this.#crypto,
      clock: this.#clock,
      renewBefore: this.renewBefore,
      issuer: (name) => this.issuer(name),
      signal,
    }).run();
    return traceparent === undefined ? outcome : { ...outcome, traceparent };
  }

  /** @throws OrchestratorError `ERR_ORCHESTRATOR_NOT_FOUND` */
  async status(id: string): Promise<OrderStatus> {
    const stored = /^ord_[0-9a-z]{26}$/.test(id) ? await orders.read(this.#storage, id) : undefined;
    if (!stored)
      throw new OrchestratorError(
        'ERR_ORCHESTRATOR_NOT_FOUND',
        `there is no order ${JSON.stringify(id)}: look it up in the list`,
      );
    return { id, ...stored.record };
  }

  /** Every order, from the oldest, or behind an id. */
  async *orders({
    after,
    ...options
  }: ReadManyOptions & {
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  } = {}): AsyncGenerator<OrderStatus> {
    for await (const stored of orders.list(this.#storage, {
      ...options,
      ...(after === undefined ? {} : { after: orders.key(after) }),
    }))
      yield { id: idOf(stored), ...stored.record };
  }

  /**
   * Asks for the end of an order. Whichever process executes it sees that within five seconds and takes down what is on display;
   * where none does, the next execution ends it. An order that has ended stays as it is.
   */
  async cancel(id: string): Promise<OrderStatus> {
    return await untilWritten(async () => {
      const { certificate } = await this.status(id);
      const stored = await orders.read(this.#storage, id);
      if (!stored || hasEnded(stored.record)) return await this.status(id);
      const managed = await certificates.read(this.#storage, certificate);
      // Due now, so that a dispatcher ends it.
      const due = managed?.record.failure && {
        ...managed.record,
        failure: { ...managed.record.failure, retryAt: this.#clock.now().toString() },
      };
      await this.#storage.write([
        orders.changed(stored, { ...stored.record, cancelRequested: true }),
        ...(managed && due ? summaryChanges(certificate, managed, due) : []),
      ]);
      return await this.status(id);
    });
  }

  /**
   * Makes what waits after a failure due now, for whoever does what is due: an order, or a deploy. An order that has ended is
   * submitted anew.
   * @returns the order's id, which is another one for an order that had ended
   */
  async retry(id: string): Promise<string> {
    const { certificate, ...order } = await this.status(id);
    if (hasEnded(order)) return await this.submit({ certificate, cause: 'request' });
    await this.retryNow(certificate);
    return id;
  }

  /** Makes what waits after a failure of a certificate due now. */
  async retryNow(certificate: string): Promise<void> {
    const retryAt = this.#clock.now().toString();
    await this.certificates.change(certificate, (summary) => ({
      ...summary,
      failure: summary.failure && { ...summary.failure, retryAt },
      deployFailure: summary.deployFailure && { ...summary.deployFailure, retryAt },
    }));
  }

  /**
   * Removes a certificate with its keys; what was deployed stays where it is. An order that is under way is cancelled first, and
   * nothing of it stays on display.
   * @throws OrchestratorError `ERR_ORCHESTRATOR_NOT_FOUND`
   */
  async remove(
    id: string,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    const { order } = await this.certificates.get(id);
    if (order !== undefined) {
      await this.cancel(order);
      await this.execute(order, options);
    }
    // One that was never issued has gone with its order.
    if (await this.certificates.find(id)) await this.certificates.remove(id);
  }

  /** Has the CA asked for its window by whoever does what is due, though the time for that has not come. */
  async refreshRenewalInfo(certificate: string): Promise<void> {
    const askAt = this.#clock.now().toString();
    await this.certificates.change(certificate, (summary) =>
      summary.renewal?.askAt === undefined
        ? summary
        : { ...summary, renewal: { ...summary.renewal, askAt } },
    );
  }

  /**
   * Revokes the certificate that is in use. It stays managed, and is renewed as before, or when the CA asks for it.
   * @param options `reason` in the words of RFC 5280 §5.3.1
   * @throws OrchestratorError `ERR_ORCHESTRATOR_NOT_FOUND`, `ERR_ORCHESTRATOR_INPUT` where nothing was issued, or the issuer revokes nothing
   */
  async revoke(
    id: string,
    {
      reason,
      signal,
    }: { readonly reason?: string | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    const { current, issuer: name } = await this.certificates.get(id);
    const content = current && (await this.certificates.generation(id, current.generation));
    const issuer = await this.issuer(name);
    if (!content || !issuer.revoke)
      throw new OrchestratorError(
        'ERR_ORCHESTRATOR_INPUT',
        content
          ? `the issuer ${name} revokes nothing`
          : `${id} was never issued: there is nothing to revoke`,
      );
    await issuer.revoke(content.chain, { reason, signal });
    const revokedAt = this.#clock.now().toString();
    const same = (now: CertificateSummary) => now.current?.generation === current.generation;
    await this.certificates.change(
      id,
      (summary) =>
        summary.current && same(summary)
          ? { ...summary, current: { ...summary.current, revokedAt } }
          : summary,
      { type: 'certificate_revoked', message: reason },
    );
  }

  /** @throws OrchestratorError `ERR_ORCHESTRATOR_ISSUER` */
  async issuer(name: string): Promise<Issuer> {
    const found =
      typeof this.#issuers === 'function'
        ? await this.#issuers(name)
        : this.#issuers.find((one) => one.name === name);
    if (found) return holding(found, { storage: this.#storage, clock: this.#clock });
    throw new OrchestratorError(
      'ERR_ORCHESTRATOR_ISSUER',
      `there is no issuer "${name}" here: add it to the configuration, or give the certificate another`,
    );
  }

  /** A new certificate with its order, in one write. @returns the order's id */
  async #added(spec: CertificateSpec, reason: OrderReason): Promise<string> {
    await this.issuer(spec.issuer);
    const id = newId('ord', this.#clock);
    await this.certificates.add(spec, { order: { id, reason } });
    return id;
  }
}
