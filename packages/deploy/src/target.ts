import type { Bundle } from './bundle.ts';

/**
 * A place that takes certificates in its own way, such as a secret store or a load balancer. It
 * deploys each certificate as a transaction: see `deployToTarget`.
 *
 * Every method throws only DeployError, or the reason of its signal. A message names the target and
 * the cure; it contains no credential and no private key, also where the place repeats one.
 */
export interface DeployTarget {
  /** Its kind, as messages name it: `vault`. */
  readonly name: string;
  /** Prepares a certificate. What is in use at the place does not change. */
  stage(bundle: CompleteBundle, options: StageOptions): Promise<StagedCertificate>;
}

/** A certificate whose private key can be written. */
export type CompleteBundle = Bundle & { readonly privateKey: string };

/** A certificate that is prepared at a place. */
export interface StagedCertificate {
  /**
   * Puts the certificate in use. Succeeds also where it is in use already. After a failure, the
   * place may have a part of it.
   */
  apply(options: TargetCallOptions): Promise<void>;
  /** Removes what is needed no more, such as copies of the former certificate. */
  commit?(options: TargetCallOptions): Promise<void>;
  /**
   * Makes the place as it was before, also where `apply` did not run or failed. A process may have
   * ended after it applied this certificate: then what was before is `former` of `stage`.
   * @throws DeployError where that is not possible
   */
  rollBack(options: TargetCallOptions): Promise<Restored>;
}

export interface TargetCallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface StageOptions extends TargetCallOptions {
  /**
   * The certificate that AcmeX deployed there before; undefined for the first one, or where it is
   * not stored any more.
   */
  readonly former?: CompleteBundle | undefined;
  readonly memory: TargetMemory;
}

/**
 * A text that a target keeps about one certificate, such as an id at the place. It is stored with
 * the secrets.
 */
export interface TargetMemory {
  read(): Promise<string | undefined>;
  write(text: string): Promise<void>;
}

/** What is in use after `rollBack`. */
export interface Restored {
  /** Lower-case hexadecimal; undefined where the place has no certificate, as before. */
  readonly serialNumber: string | undefined;
}
