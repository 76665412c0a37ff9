import { chainName, isKeyOf, parseChain, webcrypto } from '@acmex/certificate';
import { type Clock, type DurationInput, timestamp } from '@acmex/clock';
import { idOf, newId, type Storage, type Stored, untilWritten } from '@acmex/storage';
import {
  type CertificateSummary,
  type CurrentCertificate,
  generationId,
  generations,
  type ManagedCertificate,
  storedGenerations,
  summaryChanges,
} from './certificate-record.ts';
import { type CertificateSpec, sameNames, storedOrderedSpec } from './certificate-spec.ts';
import type { CertificateStore } from './certificate-store.ts';
import { byNewestGeneration } from './duplicates.ts';
import { OrchestratorError } from './errors.ts';
import { eventChange } from './events.ts';
import { type ReadIdentities, readIdentities } from './identity.ts';
import type { Issuer } from './issuer.ts';
import { checkedNames } from './names.ts';
import { policyOf, randomOf, type RenewalPolicy, renewalTime, validityOf } from './renewal-time.ts';
import { revocationAfterIssuance } from './revocation-check.ts';

/** A certificate that another program obtained. */
export interface ObtainedCertificate {
  /** PEM, the leaf first. */
  readonly chain: string;
  /** PKCS#8 PEM. */
  readonly privateKey: string;
  /** What obtained it, for the event: `certbot`. */
  readonly source: string;
  /** Whether it is added as one that is not renewed; false by default. */
  readonly paused?: boolean | undefined;
}

/**
 * What was done with a certificate that another program obtained. `unchanged`: it is managed
 * already. `kept`: a managed certificate has the same names and key type, and stays; `reason` says
 * why.
 */
export type Adoption =
  | { readonly change: 'added' | 'replaced' | 'unchanged'; readonly certificate: string }
  | {
      readonly change: 'kept';
      readonly certificate: string;
      /** `older`: what was obtained is older. `not-wanted`: `replace` is absent. */
      readonly reason: 'older' | 'not-wanted' | 'ordered';
    };

export interface AdoptOptions {
  /**
   * Replaces the certificate in use of a managed certificate with the same names and key type, if it
   * is older; false by default.
   */
  readonly replace?: boolean | undefined;
  /** Only finds out what would be done: `certificate` is empty where one would be added. */
  readonly dryRun?: boolean | undefined;
}

export interface AdopterOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly certificates: CertificateStore;
  readonly issuer: (name: string) => Promise<Issuer>;
  readonly policy: RenewalPolicy;
  readonly checkRevocationEvery: DurationInput | undefined;
}

/** Takes over certificates that other programs obtained. */
export class Adopter {
  readonly #options: AdopterOptions;

  constructor(options: AdopterOptions) {
    this.#options = options;
  }

  /** @see Provisioner.adopt */
  async adopt(
    wanted: CertificateSpec,
    obtained: ObtainedCertificate,
    { replace = false, dryRun = false }: AdoptOptions,
  ): Promise<Adoption> {
    const spec = { ...wanted, names: checkedNames(wanted.names) };
    if (spec.secondKeyType !== undefined)
      throw new OrchestratorError(
        'ERR_ORCHESTRATOR_INPUT',
        `a certificate of another program has a single key: leave the key type ${spec.secondKeyType} out, and add it when the certificate is managed`,
      );
    const current = await this.#currentOf(spec, obtained);
    const issuer = dryRun ? undefined : await this.#options.issuer(spec.issuer);
    return await untilWritten(async () => {
      // Read before the search: what another process adds in between changes them.
      const identities = await readIdentities(this.#options.storage, spec.names);
      const existing = await this.#existing(spec);
      const decision = await this.#decide(existing, current, replace);
      if (dryRun || decision.change === 'unchanged' || decision.change === 'kept') return decision;
      const attempt = { spec, obtained, current, issuer, identities };
      return existing ? await this.#replace(existing, attempt) : await this.#add(attempt);
    });
  }

  /** @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT` if key, names and certificate do not fit */
  async #currentOf(
    spec: CertificateSpec,
    { chain, privateKey }: ObtainedCertificate,
  ): Promise<CurrentCertificate> {
    const [leaf] = parseChain(chain);
    const bytes = new TextEncoder().encode(privateKey);
    const { publicKey } = await webcrypto()
      .import(bytes)
      .finally(() => bytes.fill(0));
    if (!leaf || !isKeyOf(leaf, { publicKey }))
      throw new OrchestratorError(
        'ERR_ORCHESTRATOR_INPUT',
        `the private key is not the key of the certificate ${leaf?.serialNumber}: use the key that belongs to it`,
      );
    const names = leaf.identifiers.map(({ value }) => value);
    if (!sameNames(names, spec.names))
      throw new OrchestratorError(
        'ERR_ORCHESTRATOR_INPUT',
        `the certificate ${leaf.serialNumber} has other names than ${spec.names.join(', ')}: use its names`,
      );
    return {
      generation: 1,
      serialNumber: leaf.serialNumber,
      notBefore: leaf.notBefore.toString(),
      notAfter: leaf.notAfter.toString(),
      issuedAt: leaf.notBefore.toString(),
      issuedFor: storedOrderedSpec(spec),
      chains: [chainName(chain)],
    };
  }

  /** Returns the managed certificate with these names and this type of key. */
  async #existing(spec: CertificateSpec): Promise<Stored<CertificateSummary> | undefined> {
    const candidates: ManagedCertificate[] = [];
    for await (const certificate of this.#options.certificates.withNames(spec.names))
      if (hasSameKey(certificate, spec)) candidates.push(certificate);
    const [closest] = candidates.sort(
      (a, b) =>
        Number(a.issuer !== spec.issuer) - Number(b.issuer !== spec.issuer) ||
        byNewestGeneration(a, b, this.#options.clock),
    );
    return closest && (await this.#options.certificates.stored(closest.id));
  }

  async #decide(
    existing: Stored<CertificateSummary> | undefined,
    current: CurrentCertificate,
    replace: boolean,
  ): Promise<Adoption> {
    if (!existing) return { change: 'added', certificate: '' };
    const certificate = idOf(existing);
    const { current: inUse, order } = existing.record;
    if (await this.#hasGeneration(certificate, inUse, current.serialNumber))
      return { change: 'unchanged', certificate };
    if (inUse && Date.parse(inUse.notBefore) >= Date.parse(current.notBefore))
      return { change: 'kept', certificate, reason: 'older' };
    if (!replace) return { change: 'kept', certificate, reason: 'not-wanted' };
    if (order !== undefined) return { change: 'kept', certificate, reason: 'ordered' };
    return { change: 'replaced', certificate };
  }

  /** Whether a certificate is one of the stored generations. */
  async #hasGeneration(
    id: string,
    inUse: CurrentCertificate | undefined,
    serialNumber: string,
  ): Promise<boolean> {
    if (inUse?.serialNumber === serialNumber) return true;
    const newest = inUse?.generation ?? 0;
    for (let number = newest - 1; number > Math.max(0, newest - storedGenerations); number -= 1) {
      const earlier = await this.#options.certificates.generation(id, number);
      if (earlier && parseChain(earlier.chain)[0]?.serialNumber === serialNumber) return true;
    }
    return false;
  }

  async #add({ spec, obtained, current, issuer, identities }: Attempt): Promise<Adoption> {
    const { clock, certificates: store } = this.#options;
    const id = newId('crt', clock);
    const summary: CertificateSummary = {
      ...spec,
      createdAt: timestamp(clock.now()),
      paused: obtained.paused ?? false,
      current,
      ...this.#plans(spec, current, issuer),
    };
    const { names, issuer: issuerName, labels } = summary;
    await store.write([
      this.#generation(id, current.generation, { spec, obtained }),
      ...summaryChanges(id, undefined, summary),
      ...identities.claim(id),
      eventChange(
        {
          type: 'certificate_added',
          certificate: id,
          names,
          issuer: issuerName,
          labels,
          message: `taken over from ${obtained.source}`,
        },
        clock,
      ),
    ]);
    return { change: 'added', certificate: id };
  }

  async #replace(
    existing: Stored<CertificateSummary>,
    { spec, obtained, current: added, issuer }: Attempt,
  ): Promise<Adoption> {
    const { clock, certificates: store } = this.#options;
    const id = idOf(existing);
    const { record } = existing;
    const generation = (record.current?.generation ?? 0) + 1;
    const current = { ...added, generation };
    const next: CertificateSummary = {
      ...record,
      ...spec,
      deploy: record.deploy ?? spec.deploy,
      labels: record.labels ?? spec.labels,
      declared: record.declared,
      current,
      failure: undefined,
      deployFailure: undefined,
      placed: undefined,
      expiryReported: undefined,
      ...this.#plans({ ...record, ...spec }, current, issuer),
    };
    const { names, issuer: issuerName, labels } = next;
    await store.write([
      this.#generation(id, generation, { spec, obtained }),
      ...summaryChanges(id, existing, next),
      ...(generation > storedGenerations
        ? [{ remove: generations.key(generationId(id, generation - storedGenerations)) }]
        : []),
      eventChange(
        {
          type: 'certificate_changed',
          certificate: id,
          names,
          issuer: issuerName,
          labels,
          message: `generation ${generation} is taken over from ${obtained.source}`,
        },
        clock,
      ),
    ]);
    return { change: 'replaced', certificate: id };
  }

  #generation(
    id: string,
    generation: number,
    { spec, obtained: { chain, privateKey } }: Pick<Attempt, 'spec' | 'obtained'>,
  ) {
    return generations.put(generationId(id, generation), {
      names: spec.names,
      chain,
      alternates: [],
      privateKey,
      // No order of this storage has it.
      order: newId('ord', this.#options.clock),
    });
  }

  /** Returns when the certificate is renewed and looked at next. */
  #plans(
    spec: CertificateSpec,
    current: CurrentCertificate,
    issuer: Issuer | undefined,
  ): Pick<CertificateSummary, 'renewal' | 'revocation'> {
    const { policy, clock, checkRevocationEvery: every } = this.#options;
    const [leaf, now] = [validityOf(current), clock.now()];
    const at = renewalTime(leaf, {
      ...policyOf(spec, policy),
      random: randomOf(current.serialNumber),
      now,
    });
    return {
      renewal: { at: at.toString(), askAt: issuer?.renewalInfo ? timestamp(now) : undefined },
      revocation: revocationAfterIssuance({} as CertificateSummary, current, {
        every,
        now: now.epochMilliseconds,
      }),
    };
  }
}

/** Whether a certificate has a key of the same type, and no second one. */
function hasSameKey(
  { key, keyType, secondKeyType }: ManagedCertificate,
  spec: CertificateSpec,
): boolean {
  return key === undefined && secondKeyType === undefined && keyType === spec.keyType;
}

interface Attempt {
  readonly spec: CertificateSpec;
  readonly obtained: ObtainedCertificate;
  readonly current: CurrentCertificate;
  readonly issuer: Issuer | undefined;
  readonly identities: ReadIdentities;
}
