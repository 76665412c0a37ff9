import type { Temporal } from 'temporal-polyfill';
import { isChain, isKeyReference, parseChain } from '@acmex/certificate';
import { type Clock, timestamp } from '@acmex/clock';
import { type Change, idOf, newId, type Storage, type Stored, untilWritten } from '@acmex/storage';
import {
  type CertificateSummary,
  type ManagedCertificate,
  pauseMessages,
  summaryChanges,
  withOrderDue,
} from './certificate-record.ts';
import {
  allIssuers,
  type CertificateSpec,
  differences,
  isEmpty,
  isOrderedKey,
  type OrderedSpec,
  orderedDifferences,
  orderedSpec,
  type SpecKey,
} from './certificate-spec.ts';
import type { CertificateStore } from './certificate-store.ts';
import { byNewestGeneration } from './duplicates.ts';
import { OrchestratorError } from './errors.ts';
import { assertKeyPair } from './key-pair.ts';
import { eventChange } from './events.ts';
import { type ReadIdentities, readIdentities } from './identity.ts';
import { checkedNames } from './names.ts';
import {
  newOrder,
  type NewOrder,
  orderReason,
  type OrderReason,
  orders,
  type OrderStatus,
} from './order-record.ts';
import { renewalPlanWith } from './renewal-plan.ts';
import { policyOf, type RenewalPolicy } from './renewal-time.ts';
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

export interface DeclareOptions extends Partial<OrderReason> {
  /**
   * Which existing certificate is the declared one. `names`, the default: a certificate with
   * exactly these names, in any order. `first-name`: a certificate with the same first name, else
   * one with exactly these names. Among several, a certificate of the same CA and key type comes
   * first, then of the same CA, then the one with the newest valid generation, then the oldest.
   */
  readonly identity?: 'names' | 'first-name' | undefined;
  /** Returns whether a certificate may be the declared one; all may by default. */
  readonly where?: ((certificate: ManagedCertificate) => boolean) | undefined;
  /** `always`: orders the certificate even if it is as declared. */
  readonly order?: 'if-needed' | 'always' | undefined;
  /**
   * Keys for which an existing certificate keeps its value, if it has one: those of `spec` are for
   * a new certificate. A configuration (`declared`) does not keep the places to deploy to that it
   * declared before.
   */
  readonly keep?: readonly SpecKey[] | undefined;
  /**
   * Keys for which `spec` has the default because the request has no value. A certificate whose key
   * stays in its device then keeps the type of that key.
   */
  readonly defaults?: readonly SpecKey[] | undefined;
  /**
   * Returns what of `spec` is declared of an existing certificate; all of it by default. Keys that are
   * left out keep their values.
   */
  readonly specFor?:
    ((spec: CertificateSpec, existing: ManagedCertificate) => Partial<CertificateSpec>) | undefined;
  /** Whether the certificate is deployed again even if nothing has changed; false by default. */
  readonly deployAgain?: boolean | undefined;
  /** `resume`: a paused certificate is resumed. `pause`: it is paused, and not ordered. */
  readonly paused?: 'keep' | 'resume' | 'pause' | undefined;
  /**
   * Called before a certificate is created or ordered, with what that is; again each time the write
   * is repeated. What it returns is written together with the declaration. Nothing is written when
   * it throws.
   */
  readonly admit?: ((what: readonly Admitted[]) => Promise<readonly Change[]>) | undefined;
  /**
   * Called before each try. What it returns is written together with the declaration, and also where
   * nothing else is written.
   */
  readonly alsoWritten?: (() => Promise<readonly Change[]>) | undefined;
}

/** What is created by a declaration, and may be limited. */
export type Admitted = 'certificate' | 'order';

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

/** From this number of entries on, reading all certificates costs less than looking them up. */
const manyEntries = 50;

type Candidates = ReadonlyMap<DeclaredEntry, readonly ManagedCertificate[]>;

/** Creates, changes and orders certificates as they are declared. */
export class Declarer {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #certificates: CertificateStore;
  readonly #assertIssuer: DeclarerOptions['assertIssuer'];
  readonly #policy: RenewalPolicy;

  constructor({ storage, clock, certificates, assertIssuer, policy }: DeclarerOptions) {
    this.#policy = policy;
    this.#storage = storage;
    this.#clock = clock;
    this.#certificates = certificates;
    this.#assertIssuer = assertIssuer;
  }

  /** @see Provisioner.declare */
  async declare(wanted: CertificateSpec, options: DeclareOptions = {}): Promise<Declaration> {
    const spec = { ...wanted, names: checkedNames(wanted.names) };
    assertReference(spec);
    for (const issuer of allIssuers(spec)) await this.#assertIssuer(issuer);
    const { admit = async () => [] } = options;
    return await untilWritten(async () => {
      const [identities, candidates, alsoWritten = []] = await Promise.all([
        readIdentities(this.#storage, spec.names),
        this.#candidates(spec, options),
        options.alsoWritten?.(),
      ]);
      const attempt = { options, admit, identities, alsoWritten };
      // What was added between the search and the reading of the identities has taken one of them.
      const isAdded = candidates.length === 0 && identities.areTaken;
      const [existing] = isAdded ? await this.#candidates(spec, options) : candidates;
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
        for (const name of allIssuers({ issuer, fallbackIssuers })) await this.#assertIssuer(name);
      const identities = await readIdentities(this.#storage, names ?? stored.record.names);
      return await this.#applyTo(stored, spec, { options, admit, identities, alsoWritten: [] });
    });
  }

  /** @see Provisioner.planAll */
  async planAll(entries: readonly DeclaredEntry[]): Promise<readonly PlannedDeclaration[]> {
    for (const issuer of new Set(entries.flatMap(({ spec }) => allIssuers(spec))))
      await this.#assertIssuer(issuer);
    const candidates = await this.#candidatesOf(entries);
    const claims = claimsOf(entries, candidates);
    const taken = new Set([...claims.values()].map(({ id }) => id));
    const plans: PlannedDeclaration[] = [];
    for (const entry of entries) {
      const duplicates = (candidates.get(entry) ?? [])
        .map(({ id }) => id)
        .filter((id) => !taken.has(id));
      const plan = await this.#plan(entry, claims.get(entry));
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
    const issuedFor = await this.#issuedFor({ id, record }, { ...record, ...spec });
    assertKeyType(id, keepValues(spec, record, options), record);
    const {
      next,
      changed,
      differences: different,
      ordering,
    } = planFor(spec, {
      record,
      issuedFor,
      options,
      policy: { ...this.#policy, now: this.#clock.now() },
    });
    const isOrdered = ordering !== 'none';
    const changes = isOrdered ? different : changed;
    const changedKind = changes.length > 0 ? 'changed' : 'unchanged';
    return {
      change: isOrdered ? 'ordered' : changedKind,
      certificate,
      next,
      differences: changes,
      isWritten: isOrdered || JSON.stringify(next) !== JSON.stringify(record),
    };
  }

  /**
   * Returns the certificates with the names of each entry. For many entries, all certificates are
   * read once; but if one of them is damaged, those of each entry are looked up, so that it is in
   * the way of its own entry only.
   */
  async #candidatesOf(entries: readonly DeclaredEntry[]): Promise<Candidates> {
    const all = entries.length < manyEntries ? undefined : await this.#byNames();
    const candidates = new Map<DeclaredEntry, readonly ManagedCertificate[]>();
    for (const entry of entries)
      candidates.set(
        entry,
        all
          ? [...(all.get(namesKey(checkedNames(entry.spec.names))) ?? [])].sort(
              this.#closestTo(entry.spec),
            )
          : await this.#candidates(entry.spec, {}),
      );
    return candidates;
  }

  /** Returns all certificates by their names; undefined where one of them is damaged. */
  async #byNames(): Promise<ReadonlyMap<string, readonly ManagedCertificate[]> | undefined> {
    const all = new Map<string, ManagedCertificate[]>();
    let isDamaged = false;
    const onCorrupt = () => {
      isDamaged = true;
    };
    for await (const certificate of this.#certificates.list({ onCorrupt })) {
      const key = namesKey(certificate.names);
      const same = all.get(key);
      if (same) same.push(certificate);
      else all.set(key, [certificate]);
    }
    return isDamaged ? undefined : all;
  }

  #closestTo(spec: CertificateSpec) {
    return (a: ManagedCertificate, b: ManagedCertificate) =>
      distanceOf(spec, a) - distanceOf(spec, b) || byNewestGeneration(a, b, this.#clock);
  }

  /**
   * Returns the closest certificates first; at the same distance, the one with the newest valid
   * generation.
   */
  async #candidates(
    spec: CertificateSpec,
    { identity = 'names', where = () => true }: DeclareOptions,
  ): Promise<readonly ManagedCertificate[]> {
    const closest = this.#closestTo(spec);
    const [first = ''] = checkedNames(spec.names);
    const byFirstName: ManagedCertificate[] = [];
    if (identity === 'first-name') {
      for await (const certificate of this.#certificates.byName(first)) {
        if (certificate.names[0] === first && where(certificate)) byFirstName.push(certificate);
      }
    }
    if (byFirstName.length > 0) return byFirstName.sort(closest);
    const byNames: ManagedCertificate[] = [];
    for await (const certificate of this.#certificates.withNames(spec.names)) {
      if (where(certificate)) byNames.push(certificate);
    }
    return byNames.sort(closest);
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
    const issuedFor = await this.#issuedFor({ id: idOf(stored), record }, { ...record, ...spec });
    assertKeyType(idOf(stored), keepValues(spec, record, attempt.options), record);
    const { options } = attempt;
    const policy = { ...this.#policy, now: this.#clock.now() };
    const plan = planFor(spec, { record, issuedFor, options, policy });
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

  /**
   * Returns what the certificate in use was issued for. For a record of an earlier version, the
   * certificate and its order say what the record does not.
   */
  async #issuedFor(
    stored: { readonly id: string; readonly record: CertificateSummary },
    wanted: CertificateSpec,
  ): Promise<OrderedSpec | undefined> {
    const { current, ...record } = stored.record;
    const recorded = current?.issuedFor;
    if (!current || recorded?.preferredChain !== undefined) return recorded;
    if (recorded && !wanted.preferredChain) return recorded;
    const generation = await this.#certificates.generation(stored.id, current.generation);
    if (!generation) return recorded ?? orderedSpec(record);
    const { preferredChain = '' } = wanted;
    const issued = {
      preferredChain: isChain(generation.chain, preferredChain) ? preferredChain : '',
    };
    if (recorded) return { ...recorded, ...issued };
    const order = await orders.read(this.#storage, generation.order);
    const [leaf] = parseChain(generation.chain);
    return {
      ...orderedSpec(record),
      ...issued,
      names: generation.names,
      issuer: order?.record.issuer ?? record.issuer,
      keyType: (leaf?.keyType as CertificateSpec['keyType'] | undefined) ?? record.keyType,
    };
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

/**
 * Returns the certificate of each entry. When several entries have the same names, the closest pairs
 * are matched first.
 */
function claimsOf(
  entries: readonly DeclaredEntry[],
  candidates: Candidates,
): ReadonlyMap<DeclaredEntry, ManagedCertificate> {
  const pairs = entries.flatMap((entry) =>
    (candidates.get(entry) ?? []).map((certificate) => ({
      entry,
      certificate,
      distance: distanceOf(entry.spec, certificate),
    })),
  );
  const claims = new Map<DeclaredEntry, ManagedCertificate>();
  const taken = new Set<string>();
  for (const { entry, certificate } of pairs.sort((a, b) => a.distance - b.distance)) {
    if (claims.has(entry) || taken.has(certificate.id)) continue;
    claims.set(entry, certificate);
    taken.add(certificate.id);
  }
  return claims;
}

/** The same for the same names in any order. */
function namesKey(names: readonly string[]): string {
  return JSON.stringify([...names].sort());
}

interface Plan {
  /** The record as declared, without a new order. */
  readonly next: CertificateSummary;
  /** The keys of the record that are not as declared. */
  readonly changed: readonly SpecKey[];
  /** The same, and the keys that are not as issued. */
  readonly differences: readonly SpecKey[];
  /**
   * `restarted`: the order under way starts again. `refused`: an order is wanted for a paused
   * certificate.
   */
  readonly ordering: 'none' | 'new' | 'running' | 'restarted' | 'refused';
}

/** Compares a declaration with a certificate's record and with what was issued. */
function planFor(
  spec: Partial<CertificateSpec>,
  {
    record,
    issuedFor,
    options,
    policy,
  }: {
    readonly record: CertificateSummary;
    readonly issuedFor: OrderedSpec | undefined;
    readonly policy: RenewalPolicy & { readonly now: Temporal.Instant };
    readonly options: DeclareOptions;
  },
): Plan {
  const wanted = keepValues(spec, record, options);
  const isDeployWanted = 'deploy' in spec && !keptKeys(spec, record, options).includes('deploy');
  const changed = differences(wanted, record);
  const isBack = record.retiredAt !== undefined && spec.declared === true;
  const isResumed = isBack || options.paused === 'resume';
  const changes = Object.fromEntries(changed.map((key) => [key, wanted[key]]));
  const isDeployedAgain = changed.includes('deploy') || options.deployAgain === true;
  const next: CertificateSummary = {
    ...record,
    ...changes,
    paused: options.paused === 'pause' || (record.paused && !isResumed),
    ...(changed.includes('renewBefore') || changed.includes('maintenanceWindows')
      ? {
          renewal: renewalPlanWith(
            { ...policy, ...policyOf({ ...record, ...changes }, policy) },
            record,
          ),
        }
      : {}),
    ...namesAsDeclared({ ...record, ...changes }),
    ...(isBack ? { retiredAt: undefined } : {}),
    // Another preference is where the next renewal goes.
    ...(changed.includes('issuer') ? { lineage: undefined } : {}),
    ...(isDeployWanted && spec.declared !== record.deployDeclared
      ? { deployDeclared: spec.declared }
      : {}),
    ...(isDeployedAgain
      ? { deployed: undefined, deployFailure: undefined, placed: undefined }
      : {}),
  };
  const outdated = issuedFor ? orderedDifferences(next, issuedFor) : [];
  return {
    next,
    changed,
    differences: [...new Set([...changed, ...outdated])],
    ordering: orderingOf(next, { changed, outdated, order: options.order }),
  };
}

/** Returns what is still left out when names or policy have changed. */
function namesAsDeclared(
  certificate: CertificateSummary,
): Partial<Pick<CertificateSummary, 'failingNames' | 'leftOut' | 'takeBack'>> {
  const { names, allowSubsetOfNames = false, leftOut } = certificate;
  if (leftOut === undefined) return {};
  const remaining = leftOut.filter(({ name }) => allowSubsetOfNames && names.includes(name));
  return remaining.length > 0 && remaining.length < names.length
    ? { leftOut: remaining }
    : { failingNames: undefined, leftOut: undefined, takeBack: undefined };
}

function orderingOf(
  next: CertificateSummary,
  {
    changed,
    outdated,
    order = 'if-needed',
  }: {
    readonly changed: readonly SpecKey[];
    readonly outdated: readonly SpecKey[];
    readonly order: DeclareOptions['order'];
  },
): Plan['ordering'] {
  if (next.paused) return order === 'always' ? 'refused' : 'none';
  if (next.order !== undefined) {
    if (changed.some(isOrderedKey)) return 'restarted';
    return order === 'always' ? 'running' : 'none';
  }
  return order === 'always' || !next.current || outdated.length > 0 ? 'new' : 'none';
}

/** Returns the spec with the existing values of the keys to keep. */
function keepValues(
  spec: Partial<CertificateSpec>,
  existing: CertificateSummary,
  options: Pick<DeclareOptions, 'keep' | 'defaults'>,
): Partial<CertificateSpec> {
  const keys = keptKeys(spec, existing, options);
  return { ...spec, ...Object.fromEntries(keys.map((key) => [key, existing[key]])) };
}

/**
 * Returns the keys to keep for which there is a value. The type of a key in a device is what was
 * found out.
 */
function keptKeys(
  spec: Partial<CertificateSpec>,
  existing: CertificateSummary,
  { keep = [], defaults = [] }: Pick<DeclareOptions, 'keep' | 'defaults'>,
): readonly SpecKey[] {
  const keepsType =
    keepsDeviceKey(spec, existing) && ('key' in spec || defaults.includes('keyType'));
  const isReplaced = spec.declared === true && existing.deployDeclared === true;
  return [...keep, ...(keepsType ? (['keyType'] as const) : [])].filter(
    (key) =>
      // A kept issuer is kept with what is used instead of it.
      (!isEmpty(existing, key) || key === 'fallbackIssuers') && !(key === 'deploy' && isReplaced),
  );
}

/** Returns whether the key of an existing certificate is in a device, and stays the same. */
function keepsDeviceKey(spec: Partial<CertificateSpec>, existing: CertificateSummary): boolean {
  return existing.key !== undefined && (!('key' in spec) || spec.key === existing.key);
}

/**
 * Makes sure that no different type is wanted of a key that stays in its device, and no second key
 * that does not go with the first.
 * @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT`
 */
function assertKeyType(
  id: string,
  wanted: Partial<CertificateSpec>,
  existing: CertificateSummary,
): void {
  assertKeyPair({ ...existing, ...wanted });
  const { keyType = existing.keyType } = wanted;
  if (!keepsDeviceKey(wanted, existing) || keyType === existing.keyType) return;
  throw new OrchestratorError(
    'ERR_ORCHESTRATOR_INPUT',
    `the key of ${id} (${existing.names.join(', ')}) is in a device and has the type ${existing.keyType}, which cannot change to ${keyType}: leave the key type out`,
  );
}

/** Returns 0 when CA and key, or its type, are the same, 1 when only the CA is, else 2. */
function distanceOf(spec: CertificateSpec, certificate: CertificateSpec): 0 | 1 | 2 {
  if (certificate.issuer !== spec.issuer) return 2;
  const isSameKey = certificate.key === spec.key;
  const isSameType =
    certificate.keyType === spec.keyType && certificate.secondKeyType === spec.secondKeyType;
  return isSameKey && (spec.key !== undefined || isSameType) ? 0 : 1;
}

/** Returns what the event of a change says of a pause; undefined where it stays as it was. */
function pauseMessage(
  before: Pick<CertificateSummary, 'paused'>,
  after: Pick<CertificateSummary, 'paused'>,
): string | undefined {
  if (before.paused === after.paused) return undefined;
  return after.paused ? pauseMessages.pause : pauseMessages.resume;
}
