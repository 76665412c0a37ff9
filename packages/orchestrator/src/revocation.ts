import { type Clock, timestamp } from '@acmex/clock';
import type { Storage } from '@acmex/storage';
import { type Generation, type ManagedCertificate, presentIssuer } from './certificate-record.ts';
import type { CertificateStore } from './certificate-store.ts';
import { OrchestratorError } from './errors.ts';
import type { Issuer, RevocationSigner } from './issuer.ts';
import { chainsInUse } from './key-pair.ts';
import { orders } from './order-record.ts';

export interface RevokeOptions {
  /** As RFC 5280 §5.3.1 names it. */
  readonly reason?: string | undefined;
  /** An earlier one, of the newest three; the one in use by default. */
  readonly generation?: number | undefined;
  /**
   * Whose key signs; by default the account's, and the certificate's where there is no account or
   * the CA refuses it.
   */
  readonly signer?: RevocationSigner | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RevokerOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly certificates: CertificateStore;
  readonly issuer: (name: string) => Promise<Issuer>;
}

/** What is revoked. */
interface Revocable {
  readonly certificate: ManagedCertificate;
  /** The number of the generation. */
  readonly number: number;
  readonly generation: Generation;
  /** The issuer that has issued it. */
  readonly issuer: Issuer;
}

/** Revokes managed certificates. RFC 8555 §7.6 */
export class Revoker {
  readonly #options: RevokerOptions;

  constructor(options: RevokerOptions) {
    this.#options = options;
  }

  /** @see Provisioner.revoke */
  async revoke(id: string, options: RevokeOptions = {}): Promise<void> {
    const { reason, signer, signal } = options;
    const { certificates, clock } = this.#options;
    const { certificate, number, generation, issuer } = await this.#revocable(id, options);
    if (!issuer.revoke) throw cannotRevoke(issuer);
    for (const { chain, privateKey } of chainsInUse(generation))
      await issuer.revoke(chain, { reason, privateKey, signer, signal });
    const revokedAt = timestamp(clock.now());
    const isInUse = number === certificate.current?.generation;
    // A copy for an earlier one: the event is written with a change alone.
    await certificates.change(
      id,
      (summary) =>
        summary.current?.generation === number
          ? { ...summary, current: { ...summary.current, revokedAt, revocationReason: reason } }
          : { ...summary },
      {
        type: 'certificate_revoked',
        message: isInUse ? reason : `generation ${number}: ${reason ?? 'unspecified'}`,
      },
    );
  }

  /** @see Provisioner.drillRevocation */
  async drill(id: string, options: RevokeOptions = {}): Promise<RevocationSigner> {
    const { signer, signal } = options;
    const { generation, issuer } = await this.#revocable(id, options);
    if (!issuer.drillRevocation) throw cannotRevoke(issuer);
    const signers: RevocationSigner[] = [];
    for (const { chain, privateKey } of chainsInUse(generation))
      signers.push(await issuer.drillRevocation(chain, { privateKey, signer, signal }));
    return signers.find((used) => used === 'certificate') ?? 'account';
  }

  /** @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT` for what cannot be revoked */
  async #revocable(
    id: string,
    { reason, generation: earlier }: Pick<RevokeOptions, 'reason' | 'generation'>,
  ): Promise<Revocable> {
    const certificate = await this.#options.certificates.get(id);
    const number = earlier ?? certificate.current?.generation ?? 0;
    const generation = await this.#options.certificates.generation(certificate.id, number);
    if (!generation) throw isNotStored(certificate, number);
    if (reason === 'keyCompromise') await this.#assertKeyNotInUse(certificate, number, generation);
    const order = await orders.read(this.#options.storage, generation.order);
    const issuer = await this.#options.issuer(order?.record.issuer ?? presentIssuer(certificate));
    return { certificate, number, generation, issuer };
  }

  /**
   * A compromised key must not stay in use, which only the revocation of the certificate in use ends.
   * @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT`
   */
  async #assertKeyNotInUse(
    { id, current }: ManagedCertificate,
    number: number,
    generation: Generation,
  ): Promise<void> {
    if (!current || number === current.generation) return;
    const inUse = await this.#options.certificates.generation(id, current.generation);
    const keysInUse = new Set(inUse && chainsInUse(inUse).map(({ privateKey }) => privateKey));
    if (chainsInUse(generation).some(({ privateKey }) => keysInUse.has(privateKey)))
      throw new OrchestratorError(
        'ERR_ORCHESTRATOR_INPUT',
        `generation ${number} of ${id} has the key that is in use: revoke the certificate in use, generation ${current.generation}, as compromised`,
      );
  }
}

function isNotStored({ id, current }: ManagedCertificate, number: number): OrchestratorError {
  return new OrchestratorError(
    'ERR_ORCHESTRATOR_INPUT',
    current
      ? `generation ${number} of ${id} is not stored: use one of the newest three, the last of which is ${current.generation}`
      : `${id} was never issued: there is nothing to revoke`,
  );
}

function cannotRevoke({ name }: Issuer): OrchestratorError {
  return new OrchestratorError(
    'ERR_ORCHESTRATOR_INPUT',
    `the issuer ${name} cannot revoke certificates`,
  );
}
