import { isKeyReference } from '@acmex/certificate';
import { type Clock, timestamp } from '@acmex/clock';
import { type Change, idOf, newId, type Storage, type Stored, untilWritten } from '@acmex/storage';
import {
  type CertificateSummary,
  type ManagedCertificate,
  pauseMessages,
  summaryChanges,
  withOrderDue,
} from './certificate-record.ts';
import { allIssuers, type CertificateSpec, type SpecKey } from './certificate-spec.ts';
import type { CertificateStore } from './certificate-store.ts';
import { type DeclareOptions, type Plan, planFor } from './declaration-plan.ts';
import { DeclaredCertificates } from './declared-certificate.ts';
import { OrchestratorError } from './errors.ts';
import { eventChange } from './events.ts';
import { type ReadIdentities, readIdentities } from './identity.ts';
import { checkedNames } from './names.ts';
import { newOrder, type NewOrder, orderReason, type OrderStatus } from './order-record.ts';
import type { RenewalPolicy } from './renewal-time.ts';
import { traceIdOf } from './trace-context.ts';

/**
 * What a declaration has changed, with the certificate as it is now. `certificate.order` is the
 * order that is under way, if any.
 */
export type Declaration = { readonly certificate: ManagedCertificate } & (
  | { readonly change: 'created'; readonly newOrder: OrderStatus }
  | { readonly change: 'unchanged' }
  /** `differences` need no order, or the certificate is paused. */
  | { readonly change: 'changed'; readonly differences: readonly SpecKey[] }
  /**
   * `differences` from the record and from what was issued; empty for `order: 'always'` and for a
   * first order.
   */
  | {
      readonly change: 'ordered';
      readonly order: string;
      readonly differences: readonly SpecKey[];
      /** The order as it was written, if it was not under way before. */
      readonly newOrder?: OrderStatus;
    }
);

/** How a certificate that is known by its id is changed. */
export type ChangeOptions = Pick<DeclareOptions, 'admit' | 'paused' | 'traceparent'>;

/** What declaring an entry would do. */
export interface PlannedDeclaration {
  readonly change: Declaration['change'];
  /** The stored certificate; absent where one would be created. */
  readonly certificate?: ManagedCertificate | undefined;
  /** The certificate as it would be, without a new order; absent where one would be created. */
  readonly next?: CertificateSummary | undefined;
  /** As those of `Declaration`. */
  readonly differences: readonly SpecKey[];
  /** Whether `declareAll` writes anything for it. */
  readonly isWritten: boolean;
  /** The ids of further certificates with the same names, which no entry claims. */
  readonly duplicates: readonly string[];
}

/** One of several certificates that are declared together. */
export interface DeclaredEntry {
  readonly spec: CertificateSpec;
  readonly options?: Omit<DeclareOptions, 'where' | 'specFor'> | undefined;
}

export interface DeclarerOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly certificates: CertificateStore;
  /** @throws OrchestratorError `ERR_ORCHESTRATOR_ISSUER` */
  readonly assertIssuer: (name: string) => Promise<void>;
  /** For what certificates do not say themselves. */
  readonly policy: RenewalPolicy;
}

/** Creates, changes and orders certificates as they are declared. */
export class Declarer {
  readonly #options: DeclarerOptions;
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #certificates: CertificateStore;
  readonly #declared: DeclaredCertificates;

  constructor(options: DeclarerOptions) {
    const { storage, clock, certificates } = options;
    this.#options = options;
    this.#storage = storage;
    this.#clock = clock;
    this.#certificates = certificates;
    this.#declared = new DeclaredCertificates({ certificates, clock });
  }

  /** @see Provisioner.declare */
  async declare(wanted: CertificateSpec, options: DeclareOptions = {}): Promise<Declaration> {
    const spec = { ...wanted, names: checkedNames(wanted.names) };
    assertReference(spec);
    for (const issuer of allIssuers(spec)) await this.#options.assertIssuer(issuer);
    const { admit = async () => [] } = options;
    return await untilWritten(async () => {
      const [identities, candidates, alsoWritten = []] = await Promise.all([
        readIdentities(this.#storage, spec.names),
        this.#declared.candidates(spec, options),
        options.alsoWritten?.(),
      ]);
      const attempt = { options, admit, identities, alsoWritten };
      // What was added between the search and the reading of the identities has taken one of them.
      const isAdded = candidates.length === 0 && identities.areTaken;
      const [existing] = isAdded ? await this.#declared.candidates(spec, options) : candidates;
      if (!existing) return await this.#create(spec, attempt);
      const stored = await this.#certificates.stored(existing.id);
      const declared = options.specFor?.(spec, { id: existing.id, ...stored.record }) ?? spec;
      return await this.#applyTo(stored, declared, attempt);
    });
  }

  /** @see Provisioner.change */
  async change(
    id: string,
    changesOf: (certificate: ManagedCertificate) => Partial<CertificateSpec>,
    options: ChangeOptions = {},
  ): Promise<Declaration> {
    const { admit = async () => [] } = options;
    return await untilWritten(async () => {
      const stored = await this.#certificates.stored(id);
      const { names, ...changes } = changesOf({ id: idOf(stored), ...stored.record });
      const spec = names === undefined ? changes : { ...changes, names: checkedNames(names) };
      assertReference(spec);
      const { issuer = stored.record.issuer, fallbackIssuers } = spec;
      if (spec.issuer !== undefined || fallbackIssuers !== undefined)
        for (const name of allIssuers({ issuer, fallbackIssuers }))
          await this.#options.assertIssuer(name);
      const identities = await readIdentities(this.#storage, names ?? stored.record.names);
      return await this.#applyTo(stored, spec, { options, admit, identities, alsoWritten: [] });
    });
  }

  /** @see Provisioner.planAll */
  async planAll(entries: readonly DeclaredEntry[]): Promise<readonly PlannedDeclaration[]> {
    for (const issuer of new Set(entries.flatMap(({ spec }) => allIssuers(spec))))
      await this.#options.assertIssuer(issuer);
    const claims = await this.#declared.claims(entries);
    const plans: PlannedDeclaration[] = [];
    for (const entry of entries) {
      const { certificate, duplicates = [] } = claims.get(entry) ?? {};
      const plan = await this.#plan(entry, certificate);
      plans.push({ ...plan, duplicates });
    }
    return plans;
  }

  /** @see Provisioner.declareAll */
  async declareAll(
    entries: readonly DeclaredEntry[],
    planned?: readonly PlannedDeclaration[],
  ): Promise<readonly Declaration[]> {
    const plans = planned ?? (await this.planAll(entries));
    const taken = new Set(plans.flatMap(({ certificate }) => certificate?.id ?? []));
    const declarations: Declaration[] = [];
    for (const [index, { spec, options }] of entries.entries()) {
      const { certificate, isWritten } = plans[index] ?? { isWritten: true };
      const declaration: Declaration =
        certificate && !isWritten
          ? { change: 'unchanged', certificate }
          : await this.declare(spec, {
              ...options,
              where: ({ id }) =>
                certificate === undefined ? !taken.has(id) : id === certificate.id,
            });
      taken.add(declaration.certificate.id);
      declarations.push(declaration);
    }
    return declarations;
  }

  async #plan(
    { spec: wanted, options = {} }: DeclaredEntry,
    certificate: ManagedCertificate | undefined,
  ): Promise<Omit<PlannedDeclaration, 'duplicates'>> {
    const spec = { ...wanted, names: checkedNames(wanted.names) };
    assertReference(spec);
    if (!certificate) return { change: 'created', differences: [], isWritten: true };
    const { id, ...record } = certificate;
    const plan = await planFor({ id, ...record }, spec, { ...this.#options, options });
    const { next } = plan;
    const isOrdered = plan.ordering !== 'none';
    const changes = isOrdered ? plan.differences : plan.changed;
    const changedKind = changes.length > 0 ? 'changed' : 'unchanged';
    return {
      change: isOrdered ? 'ordered' : changedKind,
      certificate,
      next,
      differences: changes,
      isWritten: isOrdered || JSON.stringify(next) !== JSON.stringify(record),
    };
  }

  async #create(spec: CertificateSpec, attempt: Attempt): Promise<Declaration> {
    const reservation = await attempt.admit(['certificate', 'order']);
    const { certificate, order } = await this.#certificates.addOrdered(spec, {
      reason: orderReason(attempt.options, 'obtain'),
      identities: attempt.identities,
      alsoWritten: [...attempt.alsoWritten, ...reservation],
    });
    return { change: 'created', certificate, newOrder: order };
  }

  async #applyTo(
    stored: Stored<CertificateSummary>,
    spec: Partial<CertificateSpec>,
    attempt: Attempt,
  ): Promise<Declaration> {
    const { record } = stored;
    const { options } = attempt;
    const plan = await planFor({ id: idOf(stored), ...record }, spec, {
      ...this.#options,
      options,
    });
    if (plan.ordering === 'refused')
      throw new OrchestratorError(
        'ERR_ORCHESTRATOR_PAUSED',
        `${idOf(stored)} (${record.names.join(', ')}) is paused: resume it first`,
      );
    const isOrdered = plan.ordering === 'new' || plan.ordering === 'restarted';
    const reservation = isOrdered ? await attempt.admit(['order']) : [];
    const next = this.#withOrder(plan);
    const order = plan.ordering === 'new' ? this.#newOrder(idOf(stored), next, attempt) : undefined;
    await this.#write(stored, next, { plan, attempt, reservation, order });
    const certificate = { id: idOf(stored), ...next };
    const { changed } = plan;
    if (plan.ordering !== 'none' && next.order !== undefined)
      return {
        change: 'ordered',
        certificate,
        order: next.order,
        differences: plan.differences,
        ...(order ? { newOrder: order.status } : {}),
      };
    return changed.length > 0
      ? { change: 'changed', certificate, differences: changed }
      : { change: 'unchanged', certificate };
  }

  /** Adds a new order to the record, or makes an order that starts again due now. */
  #withOrder({ next, ordering }: Plan): CertificateSummary {
    if (ordering !== 'new' && ordering !== 'restarted') return next;
    const now = timestamp(this.#clock.now());
    return {
      ...withOrderDue(next, now),
      order: next.order ?? newId('ord', this.#clock),
      orderedAt: next.orderedAt ?? now,
    };
  }

  #newOrder(
    certificate: string,
    { names, issuer, labels, order = '' }: CertificateSummary,
    { options }: Attempt,
  ): NewOrder {
    const reason = orderReason(options, 'request');
    return newOrder(order, { certificate, names, issuer, labels, reason }, this.#clock);
  }

  async #write(
    stored: Stored<CertificateSummary>,
    next: CertificateSummary,
    {
      plan,
      attempt,
      reservation,
      order,
    }: {
      readonly plan: Plan;
      readonly attempt: Attempt;
      readonly reservation: readonly Change[];
      readonly order: NewOrder | undefined;
    },
  ): Promise<void> {
    const certificate = idOf(stored);
    const { names, issuer, labels } = next;
    const traceId = traceIdOf(order ? order.status.traceparent : attempt.options.traceparent);
    if (plan.changed.length === 0 && JSON.stringify(next) === JSON.stringify(stored.record)) {
      if (attempt.alsoWritten.length > 0) await this.#storage.write(attempt.alsoWritten);
      return;
    }
    await this.#certificates.write([
      ...attempt.alsoWritten,
      ...reservation,
      ...(order ? [order.added] : []),
      ...summaryChanges(certificate, stored, next),
      ...(plan.changed.includes('names') ? attempt.identities.claim(certificate) : []),
      eventChange(
        {
          ...{ type: 'certificate_changed', certificate, names, issuer, labels, traceId },
          message: pauseMessage(stored.record, next),
        },
        this.#clock,
      ),
      ...(order ? [order.started()] : []),
    ]);
  }
}

/**
 * Makes sure that the key is a reference: a private key must never be in this record, which is no
 * secret.
 * @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT`
 */
function assertReference({ key }: Partial<CertificateSpec>): void {
  if (key === undefined || isKeyReference(key)) return;
  throw new OrchestratorError(
    'ERR_ORCHESTRATOR_INPUT',
    'the key of the certificate is not a reference such as pkcs11:token=web;object=www: use one, or leave it out for a new key',
  );
}

/** One try to write a declaration. */
interface Attempt {
  readonly options: DeclareOptions;
  readonly admit: NonNullable<DeclareOptions['admit']>;
  readonly identities: ReadIdentities;
  readonly alsoWritten: readonly Change[];
}

/** Returns what the event of a change says of a pause; undefined where it stays as it was. */
function pauseMessage(
  before: Pick<CertificateSummary, 'paused'>,
  after: Pick<CertificateSummary, 'paused'>,
): string | undefined {
  if (before.paused === after.paused) return undefined;
  return after.paused ? pauseMessages.pause : pauseMessages.resume;
}
