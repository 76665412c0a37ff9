import { type CryptoBackend, webcrypto } from '@acmex/certificate';
import { type Clock, type DurationInput, systemClock, timestamp } from '@acmex/clock';
import {
  acquireLock,
  idOf,
  newId,
  type ReadManyOptions,
  type Storage,
  untilWritten,
} from '@acmex/storage';
import { Adopter, type AdoptOptions, type Adoption, type ObtainedCertificate } from './adoption.ts';
import {
  certificates,
  type ManagedCertificate,
  summaryChanges,
  withOrderDue,
} from './certificate-record.ts';
import { areAllSeen, isAwaiting } from './awaited-records.ts';
import type { CertificateSpec } from './certificate-spec.ts';
import { CertificateStore } from './certificate-store.ts';
import {
  type ChangeOptions,
  type Declaration,
  type DeclaredEntry,
  type PlannedDeclaration,
  Declarer,
} from './declaration.ts';
import type { DeclareOptions } from './declaration-plan.ts';
import { joinDuplicates, type JoinOptions, type JoinedDuplicates } from './duplicates.ts';
import { OrchestratorError } from './errors.ts';
import { Execution } from './execution.ts';
import { Holds } from './holds.ts';
import type { Issuer, RevocationSigner } from './issuer.ts';
import type { Outcome } from './order-end.ts';
import {
  hasEnded,
  type OrderCause,
  newOrder,
  type OrderDnsRecord,
  orderReason,
  type OrderReason,
  orders,
  type OrderStatus,
} from './order-record.ts';
import type { RenewalPolicy } from './renewal-time.ts';
import { resumeIssuer, retryAfterSetBack, retryNow } from './retry-now.ts';
import { type RevokeOptions, Revoker, type RevokerOptions } from './revocation.ts';

export interface ProvisionerOptions {
  readonly storage: Storage;
  /** All issuers, or a function that finds one by its name. */
  readonly issuers: readonly Issuer[] | ((name: string) => Promise<Issuer | undefined>);
  readonly crypto?: CryptoBackend | undefined;
  readonly clock?: Clock | undefined;
  /**
   * How long a process may be silent before another process continues its order or deployment; 10
   * seconds by default. The same for all processes that share the storage: see `acquireLock`.
   */
  readonly lease?: DurationInput | undefined;
  /**
   * Renew at the latest this long before expiry, unless the certificate says otherwise: see
   * `CertificateMaintenance.replan`.
   */
  readonly renewBefore?: DurationInput | undefined;
  /** When certificates without windows are renewed: see `parseWeeklyWindow` of `@acmex/clock`. */
  readonly maintenanceWindows?: readonly string[] | undefined;
  /**
   * How often `CertificateMaintenance` finds out whether a certificate is revoked; never by default.
   */
  readonly checkRevocationEvery?: DurationInput | undefined;
  /** Returns the trace of what is done at present, which orders without a trace continue. */
  readonly currentTrace?: (() => string | undefined) | undefined;
}

/** An order that is wanted, for a managed certificate or for a new one. */
export interface Submission {
  readonly certificate: string | CertificateSpec;
  /** Why the certificate is ordered; `obtain` by default. */
  readonly cause?: OrderCause | undefined;
  readonly explanationUrl?: string | undefined;
  /**
   * `retry`, the default: the order is tried again until it succeeds. `end`: its first failure ends
   * it, because someone waits for it; but an order that the CA is still at work on is continued
   * later.
   */
  readonly onFailure?: 'retry' | 'end' | undefined;
  /** Orders also the names that are left out. */
  readonly takesBack?: boolean | undefined;
  /**
   * Of the request for the order: it is stored with the order, is part of its outcome, and its events
   * have its trace id; a new one by default. One that is not well-formed counts as none. W3C Trace
   * Context §3.2
   */
  readonly traceparent?: string | undefined;
}

export type SubmitOptions = Pick<DeclareOptions, 'admit'>;

/**
 * Obtains certificates by orders in the storage. An order survives its process, and executing it
 * again continues it. Any number of processes may share the storage; one at a time works on a
 * certificate.
 */
export class Provisioner {
  readonly certificates: CertificateStore;
  /** For what certificates do not say themselves. */
  readonly policy: RenewalPolicy;
  readonly checkRevocationEvery: DurationInput | undefined;
  /** Of the locks of certificates; the storage's default where it is undefined. */
  readonly lease: DurationInput | undefined;
  readonly #storage: Storage;
  readonly #resources: Omit<RevokerOptions, 'issuer'>;
  readonly #issuers: ProvisionerOptions['issuers'];
  readonly #crypto: CryptoBackend;
  readonly #clock: Clock;
  readonly #currentTrace: () => string | undefined;
  readonly #declarer: Declarer;
  readonly #adopter: Adopter;
  readonly #revoker: Revoker;

  constructor({
    storage,
    issuers,
    crypto = webcrypto(),
    clock = systemClock,
    lease,
    renewBefore,
    maintenanceWindows,
    checkRevocationEvery,
    currentTrace = () => undefined,
  }: ProvisionerOptions) {
    this.#currentTrace = currentTrace;
    this.policy = { renewBefore, maintenanceWindows };
    this.checkRevocationEvery = checkRevocationEvery;
    this.#storage = storage;
    this.#issuers = issuers;
    this.#crypto = crypto;
    this.#clock = clock;
    this.lease = lease;
    this.certificates = new CertificateStore({ storage, clock });
    this.#resources = { storage, clock, certificates: this.certificates };
    const issuer = (name: string) => this.issuer(name);
    const { policy } = this;
    this.#declarer = new Declarer({
      ...this.#resources,
      policy,
      assertIssuer: async (name) => {
        await issuer(name);
      },
    });
    this.#adopter = new Adopter({ ...this.#resources, policy, issuer, checkRevocationEvery });
    this.#revoker = new Revoker({ ...this.#resources, issuer });
  }

  /**
   * Makes the storage have one certificate as `spec` says. The certificate is created, changed,
   * ordered, or left unchanged. It is ordered when one of `orderedKeys` differs from what was
   * issued. No request is sent to the CA. Keys that are absent in `spec` stay as they are. When
   * several processes declare the same certificate at the same moment, one of them creates it. A key
   * that stays in its device cannot have a different type.
   * @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT`, `ERR_ORCHESTRATOR_ISSUER`;
   * `ERR_ORCHESTRATOR_PAUSED` for a paused certificate with `order: 'always'`; and what
   * `options.admit` throws
   */
  async declare(spec: CertificateSpec, options: DeclareOptions = {}): Promise<Declaration> {
    return await this.#declarer.declare(spec, this.#traced(options));
  }

  /**
   * Changes what is wanted of a certificate, and orders it where `declare` would. A key that is
   * absent in the changes keeps its value; one that is undefined loses it.
   * @param changesOf is called again when another process has changed the certificate before the
   * change was written
   * @throws OrchestratorError `ERR_ORCHESTRATOR_NOT_FOUND`, `ERR_ORCHESTRATOR_INPUT`,
   * `ERR_ORCHESTRATOR_ISSUER`; and what `changesOf` and `options.admit` throw
   */
  async change(
    id: string,
    changesOf: (certificate: ManagedCertificate) => Partial<CertificateSpec>,
    options: ChangeOptions = {},
  ): Promise<Declaration> {
    return await this.#declarer.change(id, changesOf, this.#traced(options));
  }

  /**
   * Returns what `declareAll` would do for each entry, and writes nothing.
   * @throws OrchestratorError as `declare`
   */
  async planAll(entries: readonly DeclaredEntry[]): Promise<readonly PlannedDeclaration[]> {
    return await this.#declarer.planAll(entries);
  }

  /**
   * Declares several certificates. Entries with the same names are separate certificates. What is as
   * declared is not written; many entries read each certificate once. If it is interrupted, declaring
   * the same again continues.
   * @param plans what `planAll` returned for these entries; certificates that have changed since then
   * are compared again
   * @returns the declarations, in the order of the entries
   */
  async declareAll(
    entries: readonly DeclaredEntry[],
    plans?: readonly PlannedDeclaration[],
  ): Promise<readonly Declaration[]> {
    return await this.#declarer.declareAll(
      entries.map((entry) => ({ ...entry, options: this.#traced(entry.options ?? {}) })),
      plans,
    );
  }

  /**
   * Retires a certificate that no configuration declares any more: it is paused, so that it is not
   * renewed. Its chain, key and deployed files stay, and nothing is revoked; declared again, it is
   * renewed again. An order under way is cancelled first, and its challenge responses are removed. A
   * certificate that was never issued is removed.
   * @throws OrchestratorError `ERR_ORCHESTRATOR_NOT_FOUND`
   */
  async retire(
    id: string,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    const { order } = await this.certificates.get(id);
    if (order !== undefined) {
      await this.cancel(order);
      await this.execute(order, options);
    }
    const certificate = await this.certificates.find(id);
    if (certificate?.current) await this.certificates.retire(id);
    else if (certificate) await this.certificates.remove(id);
  }

  /**
   * Manages a certificate that another program obtained: it is in use at once, and is renewed as one
   * that was ordered here. Certificate, key, indexes and event are one write, so that it is safe to
   * repeat after an interruption. No request is sent to the CA. A managed certificate with the same
   * names and key type stays unless `options.replace` is true and it is older.
   * @param spec `names` are those of the certificate, in any order
   * @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT` for a key or names that are not those of the
   * certificate, `ERR_ORCHESTRATOR_ISSUER`; CertificateError for a certificate or a key that cannot
   * be read
   */
  async adopt(
    spec: CertificateSpec,
    obtained: ObtainedCertificate,
    options: AdoptOptions = {},
  ): Promise<Adoption> {
    return await this.#adopter.adopt(spec, obtained, options);
  }

  /**
   * Joins duplicates: certificates with the same names, CA, profile and key type. Earlier versions
   * created them when two processes declared the same certificate at the same moment. The
   * certificate with the newest valid generation stays, and is deployed to the places of all of
   * them. The ids of the others lead to it, and their generations stay in the storage.
   */
  async joinDuplicates(options: JoinOptions = {}): Promise<readonly JoinedDuplicates[]> {
    return await joinDuplicates(
      {
        ...this.#resources,
        endOrder: async (order, { signal }) => {
          await this.cancel(order);
          await this.execute(order, { signal });
        },
      },
      options,
    );
  }

  /**
   * Creates an order, without a request to the CA. If an order is under way for the certificate,
   * returns that one.
   * @returns the order's id
   * @throws OrchestratorError `ERR_ORCHESTRATOR_NOT_FOUND`, `ERR_ORCHESTRATOR_INPUT`,
   * `ERR_ORCHESTRATOR_ISSUER`, `ERR_ORCHESTRATOR_PAUSED`
   */
  async submit({ certificate, ...reason }: Submission): Promise<string> {
    return typeof certificate === 'string'
      ? await this.#submitted(certificate, () => reason)
      : await this.#added(certificate, orderReason(this.#traced(reason), 'obtain'));
  }

  /**
   * Creates an order for a managed certificate if `decide` returns one. `decide` is called again
   * when another process has changed the certificate before the order was written, so that a
   * certificate which that process has renewed is not renewed twice.
   * @param options `admit`: called before an order is created, but not for one that is under way;
   * again each time the write is repeated. What it returns is written together with the order, and
   * nothing is written when it throws
   * @returns the order's id; undefined if no order is under way or wanted
   * @throws OrchestratorError `ERR_ORCHESTRATOR_NOT_FOUND`, `ERR_ORCHESTRATOR_ISSUER`,
   * `ERR_ORCHESTRATOR_PAUSED`; and what `options.admit` throws
   */
  async submitIf<T extends Omit<Submission, 'certificate'> | undefined>(
    id: string,
    decide: (certificate: ManagedCertificate) => T,
    options: SubmitOptions = {},
  ): Promise<string | Extract<T, undefined>> {
    return await this.#submitted(id, decide, options);
  }

  async #submitted<T extends Omit<Submission, 'certificate'> | undefined>(
    id: string,
    decide: (certificate: ManagedCertificate) => T,
    { admit = async () => [] }: SubmitOptions = {},
  ): Promise<string | Extract<T, undefined>> {
    return await untilWritten(async () => {
      const stored = await this.certificates.stored(id);
      const { record } = stored;
      const certificate = idOf(stored);
      const { names, issuer, labels } = record;
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
      const now = timestamp(this.#clock.now());
      const { added, started } = newOrder(
        order,
        { certificate, names, issuer, labels, reason: orderReason(this.#traced(wanted), 'obtain') },
        this.#clock,
      );
      await this.#storage.write([
        ...(await admit(['order'])),
        added,
        ...summaryChanges(certificate, stored, {
          ...withOrderDue(record, now),
          order,
          orderedAt: now,
        }),
        started(),
      ]);
      return order;
    });
  }

  /** Adds the trace of what is done at present, where there is no other. */
  #traced<T extends { readonly traceparent?: string | undefined }>(wanted: T): T {
    return { ...wanted, traceparent: wanted.traceparent ?? this.#currentTrace() };
  }

  /**
   * Does the work of an order, continuing where it was interrupted. Waits while another process
   * executes it. When `signal` aborts, the challenge responses are removed, and the next execution
   * continues the order.
   * @param options `isForced`: also tries an issuer that has not worked, because a person wants it
   * @throws the signal's reason; LockLostError when another process has taken the order over
   */
  async execute(
    id: string,
    {
      signal,
      isForced,
    }: {
      readonly signal?: AbortSignal | undefined;
      readonly isForced?: boolean | undefined;
    } = {},
  ): Promise<Outcome> {
    const { certificate, traceparent } = await this.status(id);
    await using lock = await acquireLock(this.#storage, `certificate/${certificate}`, {
      lease: this.lease,
      signal,
      clock: this.#clock,
    });
    const outcome = await new Execution(id, {
      storage: this.#storage,
      lock,
      crypto: this.#crypto,
      clock: this.#clock,
      policy: this.policy,
      checkRevocationEvery: this.checkRevocationEvery,
      issuer: (name) => this.issuer(name),
      holds: new Holds({ storage: this.#storage, clock: this.#clock }),
      isForced,
      signal,
    }).run();
    return traceparent === undefined ? outcome : { ...outcome, traceparent };
  }

  /**
   * Returns an order.
   * @throws OrchestratorError `ERR_ORCHESTRATOR_NOT_FOUND`
   */
  async status(id: string): Promise<OrderStatus> {
    const stored = /^ord_[0-9a-z]{26}$/.test(id) ? await orders.read(this.#storage, id) : undefined;
    if (!stored)
      throw new OrchestratorError(
        'ERR_ORCHESTRATOR_NOT_FOUND',
        `there is no order ${JSON.stringify(id)}: look it up in the list`,
      );
    return { id, ...stored.record };
  }

  /** Lists all orders, the oldest first; with `after`, those behind an id. */
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
   * Requests the cancellation of an order. The process that executes it notices this within five
   * seconds and removes the challenge responses; if no process does, the next execution ends the
   * order. An order that has ended does not change.
   */
  async cancel(id: string): Promise<OrderStatus> {
    return await untilWritten(async () => {
      const { certificate } = await this.status(id);
      const stored = await orders.read(this.#storage, id);
      if (!stored || hasEnded(stored.record)) return await this.status(id);
      const managed = await certificates.read(this.#storage, certificate);
      // The certificate is due now, so that a dispatcher ends the order.
      const waits = managed?.record.failure ?? managed?.record.awaits;
      const due = managed && waits && withOrderDue(managed.record, timestamp(this.#clock.now()));
      await this.#storage.write([
        orders.changed(stored, { ...stored.record, cancelRequested: true }),
        ...(managed && due ? summaryChanges(certificate, managed, due) : []),
      ]);
      return await this.status(id);
    });
  }

  /**
   * Notes which of the DNS records that an order waits for were seen. When all of them are, the order
   * is due now. An order that has ended, or has other records by now, does not change.
   */
  async noteRecords(id: string, isSeen: (record: OrderDnsRecord) => boolean): Promise<OrderStatus> {
    return await untilWritten(async () => {
      const { certificate } = await this.status(id);
      const stored = await orders.read(this.#storage, id);
      if (!stored || hasEnded(stored.record) || !isAwaiting(stored.record))
        return await this.status(id);
      const records = stored.record.records?.map((record): OrderDnsRecord =>
        record.state === 'removable'
          ? record
          : { ...record, state: isSeen(record) ? 'seen' : 'wanted' },
      );
      const managed = await certificates.read(this.#storage, certificate);
      // A process that puts the order back may have written only one of the two records so far: then
      // this write conflicts, and is repeated.
      const isDueNow = areAllSeen({ records }) && managed?.record.order === id;
      const isChanged = JSON.stringify(records) !== JSON.stringify(stored.record.records);
      if (!isChanged && !isDueNow) return { id, ...stored.record };
      const record = { ...stored.record, records };
      await this.#storage.write([
        orders.changed(stored, record),
        ...(isDueNow
          ? summaryChanges(
              certificate,
              managed,
              withOrderDue(managed.record, timestamp(this.#clock.now())),
            )
          : []),
      ]);
      return { id, ...record };
    });
  }

  /**
   * Makes an order or a deployment that waits after a failure due now. If the order has ended,
   * submits a new one.
   * @returns the id of the order, or of the new one
   */
  async retry(id: string): Promise<string> {
    const { certificate, ...order } = await this.status(id);
    if (hasEnded(order)) return await this.submit({ certificate, cause: 'request' });
    await this.retryNow(certificate);
    return id;
  }

  /**
   * Makes what waits after a failure of the certificate due now. An issuer that has not worked is
   * tried again, too.
   */
  async retryNow(certificate: string): Promise<void> {
    await retryNow(this.#resources, certificate);
  }

  /**
   * Makes due now what has failed later than now: the clock was ahead, and the time of the next attempt
   * is as far away. Call it when the clock was set back.
   * @returns the ids of the certificates
   */
  async retryAfterSetBack({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<
    readonly string[]
  > {
    return await retryAfterSetBack(this.#resources, signal);
  }

  /**
   * Makes due now what waits because the CA of an issuer wants a person to act. Call it when the
   * person has acted.
   * @returns the ids of the certificates that waited
   */
  async resumeIssuer(
    issuer: string,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<readonly string[]> {
    return await resumeIssuer(this.#resources, issuer, signal);
  }

  /**
   * Removes a certificate with its keys. Deployed files stay. An order under way is cancelled
   * first, and its challenge responses are removed.
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
    // A certificate that was never issued was removed with its order.
    if (await this.certificates.find(id)) await this.certificates.remove(id);
  }

  /** Makes the question for the CA's renewal window due now. */
  async refreshRenewalInfo(certificate: string): Promise<void> {
    const askAt = timestamp(this.#clock.now());
    await this.certificates.change(certificate, (summary) =>
      summary.renewal?.askAt === undefined
        ? summary
        : { ...summary, renewal: { ...summary.renewal, askAt } },
    );
  }

  /**
   * Revokes the certificate that is in use, or an earlier one that it has replaced; of a pair, both.
   * It stays managed and is renewed as before, or when the CA asks for it. After a failure between
   * the two of a pair, it is safe to repeat: what is revoked stays so.
   * @param options `reason` as RFC 5280 §5.3.1 names it; `generation` of the earlier one
   * @throws OrchestratorError `ERR_ORCHESTRATOR_NOT_FOUND`, `ERR_ORCHESTRATOR_INPUT` if nothing was
   * issued, the generation is not stored, it has the key in use that is compromised, or the issuer
   * cannot revoke
   */
  async revoke(id: string, options: RevokeOptions = {}): Promise<void> {
    await this.#revoker.revoke(id, options);
  }

  /**
   * Does everything that `revoke` does, also at the CA, except the revocation. Nothing is changed.
   * @returns which key would sign the revocation
   * @throws as `revoke`
   */
  async drillRevocation(id: string, options: RevokeOptions = {}): Promise<RevocationSigner> {
    return await this.#revoker.drill(id, options);
  }

  /**
   * Returns the issuer of this name.
   * @throws OrchestratorError `ERR_ORCHESTRATOR_ISSUER`
   */
  async issuer(name: string): Promise<Issuer> {
    const issuer =
      typeof this.#issuers === 'function'
        ? await this.#issuers(name)
        : this.#issuers.find((candidate) => candidate.name === name);
    if (issuer) return issuer;
    throw new OrchestratorError(
      'ERR_ORCHESTRATOR_ISSUER',
      `there is no issuer "${name}": add it to the configuration, or choose a different issuer for the certificate`,
    );
  }

  /** Creates a certificate with its order in one write. @returns the order's id */
  async #added(spec: CertificateSpec, reason: OrderReason): Promise<string> {
    await this.issuer(spec.issuer);
    return (await this.certificates.addOrdered(spec, { reason })).order.id;
  }
}
