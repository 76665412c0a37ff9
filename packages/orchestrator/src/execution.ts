import {
  createCsr,
  type CryptoBackend,
  type IssuedCertificate,
  type PrivateKey,
  privateKeyPem,
  verifyIssued,
} from '@acmex/certificate';
import type { Clock, DurationInput } from '@acmex/clock';
import {
  type Change,
  errorCode,
  type Lock,
  type Storage,
  type Stored,
  untilWritten,
} from '@acmex/storage';
import {
  certificates,
  type CertificateSummary,
  type Failure,
  generationId,
  generations,
  indexChanges,
  summaryChanges,
} from './certificate-record.ts';
import { OrchestratorError } from './errors.ts';
import { eventChange, type EventType, type NewEvent } from './events.ts';
import { failureOf, type ReadFailure } from './failure.ts';
import type { Issuer, IssuerStep } from './issuer.ts';
import type { JsonObject } from './json.ts';
import { identifierOf } from './names.ts';
import { hasEnded, type OrderRecord, orderKeys, orders, type OrderStep } from './order-record.ts';
import { randomOf, renewalTime, retryTime, type Validity } from './renewal-time.ts';

/** How an order ended; `elsewhere` where that was before this execution began, `traceparent` where who asked for it gave one. `failed`: it is tried again at `retryAt`, or not at all where that is absent. */
export type Outcome = {
  readonly elsewhere?: true | undefined;
  readonly traceparent?: string | undefined;
} & (
  | { readonly state: 'succeeded'; readonly generation: number }
  | { readonly state: 'failed'; readonly error: unknown; readonly retryAt?: string | undefined }
  | { readonly state: 'cancelled' }
);

export interface ExecutionParts {
  readonly storage: Storage;
  /** Of the certificate; held throughout. */
  readonly lock: Lock;
  readonly crypto: CryptoBackend;
  readonly clock: Clock;
  readonly issuer: (name: string) => Promise<Issuer>;
  /** For certificates that say nothing else. */
  readonly renewBefore?: DurationInput | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Generations that are kept. */
const kept = 3;
const keptSteps = 100;
const cancelLook = { seconds: 5 };
/** Over so many milliseconds they come back who were held up together. */
const spread = 30_000;
/** Steps of an issuer that are events too. */
const eventOf: Readonly<Record<string, EventType>> = {
  ordered: 'order_created',
  presented: 'challenge_created',
  validated: 'challenge_validated',
  'order-orphaned': 'order_orphaned',
};

/** One execution of an order, by the holder of its certificate's lock: each write of it is fenced. */
export class Execution {
  readonly #id: string;
  readonly #parts: ExecutionParts;
  /** Steps that were seen since the last write. */
  #steps: readonly IssuerStep[] = [];
  readonly #cancelled = new AbortController();
  /** Whether the issuer gave a chain: where that cannot be used, the next try makes another order. */
  #chainCame = false;

  constructor(id: string, parts: ExecutionParts) {
    this.#id = id;
    this.#parts = parts;
  }

  async run(): Promise<Outcome> {
    const { lock, signal } = this.#parts;
    const begun = await this.#read();
    if (hasEnded(begun.record)) return ended(begun.record);
    const stop = new AbortController();
    const watching = this.#watch(stop.signal);
    const either = AbortSignal.any([
      lock.signal,
      this.#cancelled.signal,
      ...(signal ? [signal] : []),
    ]);
    try {
      either.throwIfAborted();
      return await this.#issue(either);
    } catch (error) {
      if (errorCode(error) === 'ERR_STORAGE_LOCK_LOST' || lock.signal.aborted) throw error;
      if (this.#cancelled.signal.aborted) return await this.#cancel();
      if (signal?.aborted) throw error;
      return await this.#failed(error);
    } finally {
      stop.abort();
      await watching;
    }
  }

  /** Key and CSR are in storage before anything is asked of the CA, the issuer's state before anything that depends on it. */
  async #issue(signal: AbortSignal): Promise<Outcome> {
    const { record } = await this.#change((order) => ({ ...order, state: 'running' }));
    const certificate = await this.#certificate(record);
    const issuer = await this.#parts.issuer(certificate.record.issuer);
    const order =
      record.csr === undefined || record.publicKey === undefined
        ? await this.#prepare(certificate)
        : record;
    const replaces =
      certificate.record.current &&
      (
        await generations.read(
          this.#parts.storage,
          generationId(record.certificate, certificate.record.current.generation),
        )
      )?.record.chain;
    const pem = await issuer.issue(
      {
        names: order.names,
        csr: bytes(order.csr),
        profile: certificate.record.profile,
        replaces,
        proof: certificate.record.proof,
      },
      {
        state: order.issuance,
        save: async (issuance) => {
          await this.#save(issuance);
        },
        onStep: (step) => {
          this.#steps = [...this.#steps, step];
        },
        signal,
      },
    );
    this.#chainCame = true;
    const issued = await verifyIssued(
      pem,
      { identifiers: order.names.map(identifierOf), publicKey: bytes(order.publicKey) },
      { clock: this.#parts.clock },
    );
    return await this.#keep(issued, issuer);
  }

  async #prepare({
    record: { names, keyType, reuseKey = false, mustStaple = false, current },
  }: Stored<CertificateSummary>): Promise<OrderRecord> {
    const {
      record: { certificate },
    } = await this.#read();
    const old =
      reuseKey && current
        ? await generations.read(this.#parts.storage, generationId(certificate, current.generation))
        : undefined;
    const key = old
      ? await this.#parts.crypto.import(new TextEncoder().encode(old.record.privateKey))
      : await this.#parts.crypto.generate(keyType);
    const csr = await createCsr({ identifiers: names.map(identifierOf), key, mustStaple });
    const privateKey = await pemOf(key);
    const { record } = await this.#change(
      (order) => ({ ...order, names, csr: base64(csr), publicKey: base64(key.publicKey) }),
      () => [orderKeys.put(this.#id, { privateKey })],
    );
    return record;
  }

  async #save(issuance: JsonObject): Promise<void> {
    await this.#change((order) => ({
      ...order,
      issuance,
      url: typeof issuance.order === 'string' ? issuance.order : order.url,
    }));
    this.#cancelled.signal.throwIfAborted();
  }

  /** The certificate, its key, the indexes, the order and the events are one write. */
  async #keep({ leaf, pem }: IssuedCertificate, { renewalInfo }: Issuer): Promise<Outcome> {
    const { clock, storage } = this.#parts;
    const key = await orderKeys.read(storage, this.#id);
    if (!key)
      throw new OrchestratorError(
        'ERR_ORCHESTRATOR_NO_KEY',
        `the private key of ${this.#id} is not in the storage anymore: cancel the order and submit it again`,
      );
    return await untilWritten(async () => {
      const [order, certificate] = await this.#both();
      const { current, renewBefore = this.#parts.renewBefore } = certificate.record;
      const now = clock.now();
      const generation = (current?.generation ?? 0) + 1;
      const at = renewalTime(leaf, { renewBefore, random: randomOf(leaf.serialNumber) });
      if (at.epochMilliseconds <= now.epochMilliseconds)
        throw new OrchestratorError(
          'ERR_ORCHESTRATOR_DUE_AT_ONCE',
          `the certificate ${leaf.serialNumber} is valid from ${leaf.notBefore} to ${leaf.notAfter} and would be due for renewal since ${at}: it is not used`,
        );
      const next: CertificateSummary = {
        ...certificate.record,
        order: undefined,
        orderedAt: undefined,
        failure: undefined,
        deployFailure: undefined,
        placed: undefined,
        expiredTold: undefined,
        current: {
          generation,
          serialNumber: leaf.serialNumber,
          notBefore: leaf.notBefore.toString(),
          notAfter: leaf.notAfter.toString(),
          issuedAt: now.toString(),
        },
        renewal: {
          at: at.toString(),
          askAt: renewalInfo ? firstQuestion(leaf, now.epochMilliseconds) : undefined,
        },
      };
      const { names, certificate: id } = order.record;
      const told = { certificate: id, order: this.#id, names, issuer: certificate.record.issuer };
      await this.#parts.lock.write([
        ...summaryChanges(id, certificate, next),
        generations.put(generationId(id, generation), {
          names,
          chain: pem,
          privateKey: key.record.privateKey,
          order: this.#id,
        }),
        ...(generation > kept
          ? [{ remove: generations.key(generationId(id, generation - kept)) }]
          : []),
        orders.changed(order, {
          ...this.#withSteps(order.record),
          state: 'succeeded',
          generation,
          failure: undefined,
          issuance: undefined,
        }),
        { remove: orderKeys.key(this.#id) },
        ...this.#events(order.record, {
          type: current ? 'renewal_success' : 'certificate_obtained',
          ...told,
        }),
      ]);
      return { state: 'succeeded', generation };
    });
  }

  async #failed(error: unknown): Promise<Outcome> {
    const read = failureOf(error);
    return await untilWritten(async () => {
      const [order, certificate] = await this.#both();
      const { certificate: id, names, issuer, onFailure } = order.record;
      const failure = this.#failure(certificate.record, read);
      const ends = onFailure === 'end';
      const gone = ends && !certificate.record.current;
      await this.#parts.lock.write([
        ...(gone
          ? [
              { remove: certificate.key, ifVersion: certificate.version },
              ...indexChanges(id, certificate.record, undefined),
            ]
          : summaryChanges(id, certificate, {
              ...certificate.record,
              failure,
              ...(ends ? { order: undefined, orderedAt: undefined } : { order: this.#id }),
            })),
        orders.changed(order, {
          ...this.#withSteps(order.record),
          state: ends ? 'failed' : 'pending',
          failure,
          ...(this.#chainCame ? { issuance: undefined } : {}),
        }),
        ...(ends ? [{ remove: orderKeys.key(this.#id) }] : []),
        ...this.#events(order.record, {
          type:
            read.code === 'ERR_CLIENT_VALIDATION_FAILED' ? 'challenge_failed' : 'renewal_failed',
          certificate: id,
          order: this.#id,
          names,
          issuer,
          code: read.code,
          message: read.message,
        }),
        ...(gone ? [this.#removed(id, names)] : []),
      ]);
      return { state: 'failed', error, ...(ends ? {} : { retryAt: failure.retryAt }) };
    });
  }

  /** What is on display is taken down first. A certificate that is there is left alone for a while; one that never was is gone. */
  async #cancel(): Promise<Outcome> {
    const { record } = await this.#read();
    const { issuance, issuer } = record;
    if (issuance)
      await (
        await this.#parts.issuer(issuer)
      ).abandon(issuance, { proof: (await this.#certificate(record)).record.proof });
    return await untilWritten(async () => {
      const [order, certificate] = await this.#both();
      const { certificate: id, names } = order.record;
      const left = certificate.record.current && {
        ...certificate.record,
        order: undefined,
        orderedAt: undefined,
        failure: this.#postponed(certificate.record),
      };
      await this.#parts.lock.write([
        ...(left
          ? summaryChanges(id, certificate, left)
          : [
              { remove: certificate.key, ifVersion: certificate.version },
              ...indexChanges(id, certificate.record, undefined),
            ]),
        orders.changed(order, {
          ...this.#withSteps(order.record),
          state: 'cancelled',
          issuance: undefined,
        }),
        { remove: orderKeys.key(this.#id) },
        ...this.#events(order.record, {
          type: 'order_cancelled',
          certificate: id,
          order: this.#id,
          names,
          issuer,
        }),
        ...(left ? [] : [this.#removed(id, names)]),
      ]);
      return { state: 'cancelled' };
    });
  }

  /** What was never issued goes with its order. */
  #removed(certificate: string, names: readonly string[]): Change {
    return eventChange({ type: 'certificate_removed', certificate, names }, this.#parts.clock);
  }

  #postponed(certificate: CertificateSummary): Failure {
    return this.#failure(certificate, {
      code: 'ERR_ORCHESTRATOR_CANCELLED',
      message: `the order ${this.#id} was cancelled`,
      hopeless: true,
    });
  }

  #failure(
    { current, failure }: CertificateSummary,
    { code, message, problem, retryAfter, hopeless }: ReadFailure,
  ): Failure {
    const now = this.#parts.clock.now();
    // To be held up by what happened to others is no failure of its own: it comes back when that is over, and not all at the same moment.
    if (code === 'ERR_ORCHESTRATOR_HELD' && retryAfter) {
      const again = retryAfter
        .add({ milliseconds: Math.floor(randomOf(`${this.#id} ${retryAfter}`) * spread) })
        .toString();
      return {
        code,
        message,
        at: now.toString(),
        failures: Math.max(1, failure?.failures ?? 0),
        retryAt: again,
      };
    }
    const failures = (failure?.failures ?? 0) + 1;
    const lifetime = current
      ? { milliseconds: Date.parse(current.notAfter) - Date.parse(current.notBefore) }
      : { hours: 90 * 24 };
    const retryAt = retryTime({
      failures: hopeless ? Math.max(failures, 12) : failures,
      lifetime,
      retryAfter,
      now,
      random: randomOf(`${this.#id} ${failures}`),
    }).toString();
    return {
      code,
      message,
      ...(problem ? { problem } : {}),
      at: now.toString(),
      failures,
      retryAt,
    };
  }

  /** Looks whether it was cancelled from elsewhere, also while nothing is to be saved. */
  async #watch(stop: AbortSignal): Promise<void> {
    while (!stop.aborted && !this.#cancelled.signal.aborted) {
      await this.#read().catch(() => {
        /* whoever writes next hears of it */
      });
      await this.#parts.clock.sleep(cancelLook, { signal: stop }).catch(() => {
        /* stopped */
      });
    }
  }

  async #read(): Promise<Stored<OrderRecord>> {
    const stored = await orders.read(this.#parts.storage, this.#id);
    if (!stored)
      throw new OrchestratorError(
        'ERR_ORCHESTRATOR_NOT_FOUND',
        `the order ${this.#id} is not in the storage anymore`,
      );
    if (stored.record.cancelRequested && !hasEnded(stored.record))
      this.#cancelled.abort(
        new OrchestratorError('ERR_ORCHESTRATOR_CANCELLED', `the order ${this.#id} was cancelled`),
      );
    return stored;
  }

  async #certificate({ certificate: id }: OrderRecord): Promise<Stored<CertificateSummary>> {
    const stored = await certificates.read(this.#parts.storage, id);
    if (!stored)
      throw new OrchestratorError(
        'ERR_ORCHESTRATOR_NOT_FOUND',
        `the certificate ${id} was removed while it was ordered`,
      );
    return stored;
  }

  async #both(): Promise<readonly [Stored<OrderRecord>, Stored<CertificateSummary>]> {
    const order = await this.#read();
    return [order, await this.#certificate(order.record)];
  }

  async #change(
    to: (order: OrderRecord) => OrderRecord,
    also: () => readonly Change[] = () => [],
  ): Promise<Stored<OrderRecord>> {
    return await untilWritten(async () => {
      const stored = await this.#read();
      const record = {
        ...to(this.#withSteps(stored.record)),
        updatedAt: this.#parts.clock.now().toString(),
      };
      const steps = this.#steps.length;
      const [version = ''] = await this.#parts.lock.write([
        orders.changed(stored, record),
        ...also(),
        ...this.#stepEvents(record),
      ]);
      this.#steps = this.#steps.slice(steps);
      return { ...stored, record, version };
    });
  }

  #withSteps(order: OrderRecord): OrderRecord {
    const at = this.#parts.clock.now().toString();
    const had = order.steps.at(-1)?.number ?? 0;
    const steps = this.#steps.map(({ type, name, message }, index): OrderStep => ({
      number: had + index + 1,
      at,
      type,
      ...(name === undefined ? {} : { name }),
      ...(message === undefined ? {} : { message }),
    }));
    const orphaned = order.orphaned + steps.filter(({ type }) => type === 'order-orphaned').length;
    return {
      ...order,
      orphaned,
      steps: [...order.steps, ...steps].slice(-keptSteps),
      updatedAt: at,
    };
  }

  #stepEvents({ certificate, issuer, names }: OrderRecord): readonly Change[] {
    return this.#steps
      .flatMap(({ type, name, message }) => {
        const event = eventOf[type];
        return event
          ? [
              eventChange(
                {
                  type: event,
                  certificate,
                  order: this.#id,
                  names: name === undefined ? names : [name],
                  issuer,
                  message,
                },
                this.#parts.clock,
              ),
            ]
          : [];
      })
      .slice(-keptEvents);
  }

  #events(order: OrderRecord, last: NewEvent): readonly Change[] {
    return [...this.#stepEvents(order), eventChange(last, this.#parts.clock)];
  }
}

/** As many as fit into a write. */
const keptEvents = 60;

function ended({ state, generation, failure }: OrderRecord): Outcome {
  if (state === 'succeeded') return { state, generation: generation ?? 0, elsewhere: true };
  if (state === 'cancelled') return { state, elsewhere: true };
  return {
    state: 'failed',
    elsewhere: true,
    error: Object.assign(new Error(failure?.message ?? 'the order failed'), {
      code: failure?.code,
    }),
  };
}

/** A CA may move a window as soon as the certificate is there: it is asked after a twentieth of the lifetime, six hours at most. */
function firstQuestion({ notBefore, notAfter }: Validity, now: number): string {
  return new Date(
    now + Math.min(6 * 3_600_000, (notAfter.epochMilliseconds - notBefore.epochMilliseconds) / 20),
  ).toISOString();
}

async function pemOf(key: PrivateKey): Promise<string> {
  const pem = await privateKeyPem(key);
  try {
    return new TextDecoder().decode(pem);
  } finally {
    pem.fill(0);
  }
}

const base64 = (data: Uint8Array) => Buffer.from(data).toString('base64');
const bytes = (text = '') => Uint8Array.from(Buffer.from(text, 'base64'));
