import { isChain, parseChain } from '@acmex/certificate';
import type { Clock } from '@acmex/clock';
import type { Change, Storage } from '@acmex/storage';
import type { CertificateSummary, ManagedCertificate } from './certificate-record.ts';
import {
  type CertificateSpec,
  differences,
  isEmpty,
  isOrderedKey,
  orderedDifferences,
  type OrderedSpec,
  orderedSpec,
  type SpecKey,
} from './certificate-spec.ts';
import type { CertificateStore } from './certificate-store.ts';
import { OrchestratorError } from './errors.ts';
import { assertKeyPair } from './key-pair.ts';
import { type OrderReason, orders } from './order-record.ts';
import { renewalPlanWith } from './renewal-plan.ts';
import { policyOf, type RenewalPolicy } from './renewal-time.ts';

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

/** What a declaration would change in a certificate. */
export interface Plan {
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

export interface PlanOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly certificates: CertificateStore;
  /** For what certificates do not say themselves. */
  readonly policy: RenewalPolicy;
  readonly options: DeclareOptions;
}

/**
 * Compares a declaration with a certificate's record and with what was issued.
 * @param spec what is declared; keys that are absent stay as they are
 * @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT` for key types that the certificate cannot have
 */
export async function planFor(
  { id, ...record }: ManagedCertificate,
  spec: Partial<CertificateSpec>,
  { options, policy, ...resources }: PlanOptions,
): Promise<Plan> {
  const issuedFor = await readIssuedFor({ id, ...record }, { ...record, ...spec }, resources);
  const wanted = keepValues(spec, record, options);
  assertKeyType(id, wanted, record);
  const changed = differences(wanted, record);
  const changes = Object.fromEntries(changed.map((key) => [key, wanted[key]]));
  const next: CertificateSummary = {
    ...record,
    ...changes,
    ...pauseAsDeclared(spec, record, options),
    ...(changed.includes('renewBefore') || changed.includes('maintenanceWindows')
      ? {
          renewal: renewalPlanWith(
            { ...policyOf({ ...record, ...changes }, policy), now: resources.clock.now() },
            record,
          ),
        }
      : {}),
    ...namesAsDeclared({ ...record, ...changes }),
    // Another preference is where the next renewal goes.
    ...(changed.includes('issuer') ? { lineage: undefined } : {}),
    ...deploymentAsDeclared(spec, record, { options, isChanged: changed.includes('deploy') }),
  };
  const outdated = issuedFor ? orderedDifferences(next, issuedFor) : [];
  return {
    next,
    changed,
    differences: [...new Set([...changed, ...outdated])],
    ordering: orderingOf(next, { changed, outdated, order: options.order }),
  };
}

/** Returns whether a certificate is paused. One that was retired is resumed when it is declared again. */
function pauseAsDeclared(
  { declared }: Partial<CertificateSpec>,
  { paused, retiredAt }: CertificateSummary,
  options: Pick<DeclareOptions, 'paused'>,
): Pick<CertificateSummary, 'paused' | 'retiredAt'> {
  const isBack = retiredAt !== undefined && declared === true;
  const isResumed = isBack || options.paused === 'resume';
  return {
    paused: options.paused === 'pause' || (paused && !isResumed),
    ...(isBack ? { retiredAt: undefined } : {}),
  };
}

/** Returns who has declared the places to deploy to, and what changes when it is deployed again. */
function deploymentAsDeclared(
  spec: Partial<CertificateSpec>,
  record: CertificateSummary,
  { options, isChanged }: { readonly options: DeclareOptions; readonly isChanged: boolean },
): Partial<Pick<CertificateSummary, 'deployDeclared' | 'deployed' | 'deployFailure' | 'placed'>> {
  const isWanted = 'deploy' in spec && !keptKeys(spec, record, options).includes('deploy');
  return {
    ...(isWanted && spec.declared !== record.deployDeclared
      ? { deployDeclared: spec.declared }
      : {}),
    ...(isChanged || options.deployAgain === true
      ? { deployed: undefined, deployFailure: undefined, placed: undefined }
      : {}),
  };
}

/**
 * Returns what the certificate in use was issued for. For a record of an earlier version, the
 * certificate and its order say what the record does not.
 */
async function readIssuedFor(
  { id, current, ...record }: ManagedCertificate,
  wanted: CertificateSpec,
  { storage, certificates }: Pick<PlanOptions, 'storage' | 'certificates'>,
): Promise<OrderedSpec | undefined> {
  const recorded = current?.issuedFor;
  if (!current || recorded?.preferredChain !== undefined) return recorded;
  if (recorded && !wanted.preferredChain) return recorded;
  const generation = await certificates.generation(id, current.generation);
  if (!generation) return recorded ?? orderedSpec(record);
  const { preferredChain = '' } = wanted;
  const issued = {
    preferredChain: isChain(generation.chain, preferredChain) ? preferredChain : '',
  };
  if (recorded) return { ...recorded, ...issued };
  const order = await orders.read(storage, generation.order);
  const [leaf] = parseChain(generation.chain);
  return {
    ...orderedSpec(record),
    ...issued,
    names: generation.names,
    issuer: order?.record.issuer ?? record.issuer,
    keyType: (leaf?.keyType as CertificateSpec['keyType'] | undefined) ?? record.keyType,
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
