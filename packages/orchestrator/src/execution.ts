import type { CryptoBackend } from '@acmex/certificate';
import { isInWindow } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import type { Lock, Storage } from '@acmex/storage';
import { BudgetedOrder } from './budgeted-order.ts';
import { summaryChanges } from './certificate-record.ts';
import type { Holds } from './holds.ts';
import { Issuance } from './issuance.ts';
import type { IssuedOptions } from './issued-certificate.ts';
import { IssuerAttempts } from './issuer-attempts.ts';
import type { Issuer } from './issuer.ts';
import { leftOutStep, namesAfterFailure } from './left-out-names.ts';
import { OrderEnd, type Outcome } from './order-end.ts';
import { type OrderAndCertificate, OrderJournal } from './order-journal.ts';
import { hasEnded, type OrderRecord } from './order-record.ts';
import { isRenewal } from './renewal-plan.ts';
import { maintenanceWindows, policyOf } from './renewal-time.ts';

export interface ExecutionOptions extends IssuedOptions {
  readonly storage: Storage;
  /** The certificate's lock, held throughout. */
  readonly lock: Lock;
  readonly crypto: CryptoBackend;
  readonly issuer: (name: string) => Promise<Issuer>;
  readonly holds: Holds;
  /** Whether a person wants the order now, even if its issuer does not work. */
  readonly isForced?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

const outsideWindows = 'outside-windows';

/**
 * One execution of an order by the holder of the certificate's lock, which fences each write.
 * `IssuerAttempts` decides which issuer is tried, `Issuance` issues there, and `OrderEnd` writes how
 * the order ends.
 */
export class Execution {
  readonly #options: ExecutionOptions;
  readonly #journal: OrderJournal;
  readonly #issuance: Issuance;
  readonly #attempts: IssuerAttempts;
  readonly #end: OrderEnd;

  constructor(id: string, options: ExecutionOptions) {
    this.#options = options;
    this.#journal = new OrderJournal(id, options);
    const budget = new BudgetedOrder(id, { ...options, journal: this.#journal });
    const context = { ...options, journal: this.#journal, budget };
    this.#end = new OrderEnd(id, context);
    this.#issuance = new Issuance(id, { ...context, end: this.#end });
    this.#attempts = new IssuerAttempts(id, { ...context, issuance: this.#issuance });
  }

  /**
   * Issues, and writes how the order ends. The lock, a cancellation of the order and the signal of the
   * options stop it at any time; only a cancellation is an end.
   * @throws the signal's reason; LockLostError
   */
  async run(): Promise<Outcome> {
    const { lock, signal } = this.#options;
    const begun = await this.#journal.read();
    if (hasEnded(begun.record)) return endedBefore(begun.record);
    const stop = new AbortController();
    const watching = this.#journal.watch(stop.signal);
    const { cancelled } = this.#journal;
    const either = AbortSignal.any([lock.signal, cancelled, ...(signal ? [signal] : [])]);
    try {
      either.throwIfAborted();
      return await this.#issueWithSomeNames(either);
    } catch (error) {
      if (errorCode(error) === 'ERR_STORAGE_LOCK_LOST' || lock.signal.aborted) throw error;
      if (cancelled.aborted) return await this.#cancel();
      if (signal?.aborted) throw error;
      return await this.#end.fail(error, this.#attempts.findings);
    } finally {
      stop.abort();
      await watching;
    }
  }

  /**
   * Issues with the names that are validated, where someone waits for a first certificate and permits
   * that names are left out.
   */
  async #issueWithSomeNames(signal: AbortSignal): Promise<Outcome> {
    for (;;) {
      try {
        return await this.#issue(signal);
      } catch (error) {
        if (signal.aborted || !(await this.#leavesOutAtOnce(error))) throw error;
      }
    }
  }

  async #issue(signal: AbortSignal): Promise<Outcome> {
    await this.#journal.change((order) => ({ ...order, state: 'running' }));
    const begun = await this.#journal.readWithCertificate();
    const outcome = await this.#issuance.useRefused(begun);
    if (outcome) return outcome;
    this.#noteOutside(begun);
    return await this.#attempts.issue(begun, signal);
  }

  /** Says once in the order that it is made outside of the maintenance windows. */
  #noteOutside({ order, certificate: { record } }: OrderAndCertificate): void {
    const { isForced, clock, policy } = this.#options;
    const { maintenanceWindows: texts } = policyOf(record, policy);
    const isRevoked = order.record.cause === 'revoked';
    if (isForced || !(isRevoked || isRenewal(order.record.cause))) return;
    if (isInWindow(maintenanceWindows(texts), clock.now().epochMilliseconds)) return;
    if (this.#journal.stepTypes(order.record).includes(outsideWindows)) return;
    const reason = isRevoked
      ? 'the certificate is revoked'
      : 'none begins before the renewal is urgent';
    this.#journal.add({
      type: outsideWindows,
      message: `the order is made outside of the maintenance windows: ${reason}`,
    });
  }

  /** Whether names that have failed are left out without waiting; then they are. */
  async #leavesOutAtOnce(error: unknown): Promise<boolean> {
    const read = await this.#journal.readWithCertificate();
    const { onFailure } = read.order.record;
    if (onFailure === 'retry' || read.certificate.record.current) return false;
    const now = this.#options.clock.now();
    const { added, ...names } = namesAfterFailure(read, error, { now, atOnce: true });
    if (added.length === 0) return false;
    await this.#issuance.abandon(read);
    this.#journal.add(leftOutStep(added, names.leftOut));
    await this.#journal.change(
      (order) => ({ ...order, issuance: undefined, url: undefined }),
      async () => {
        const { order, certificate } = await this.#journal.readWithCertificate();
        const next = { ...certificate.record, ...names };
        return summaryChanges(order.record.certificate, certificate, next);
      },
    );
    return true;
  }

  async #cancel(): Promise<Outcome> {
    await this.#issuance.abandon(await this.#journal.readWithCertificate());
    return await this.#end.cancel();
  }
}

function endedBefore({ state, generation, failure }: OrderRecord): Outcome {
  if (state === 'succeeded') return { state, generation: generation ?? 0, elsewhere: true };
  if (state === 'cancelled') return { state, elsewhere: true };
  const error = new Error(failure?.message ?? 'the order failed');
  return {
    state: 'failed',
    elsewhere: true,
    error: Object.assign(error, { code: failure?.code }),
  };
}
