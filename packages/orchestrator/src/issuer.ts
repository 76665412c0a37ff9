import type { Temporal } from 'temporal-polyfill';
import type { JsonObject } from './json.ts';
import type { IssuerBudget } from './order-budget.ts';
import type { SuggestedWindow } from './renewal-time.ts';

/** What an issuer is asked to issue. */
export interface IssuerRequest {
  /** As people write them: `example.com`, `*.example.com`, `192.0.2.1`. */
  readonly names: readonly string[];
  /** DER */
  readonly csr: Uint8Array;
  readonly profile?: string | undefined;
  /** The chain that is preferred, as `CertificateSpec` describes it. */
  readonly preferredChain?: string | undefined;
  /** PEM of the certificate that this one replaces. RFC 9773 §5 */
  readonly replaces?: string | undefined;
  /** How names are validated, as the certificate's record says. Only the issuer reads it. */
  readonly proof?: JsonObject | undefined;
  /** Where the certificate will be deployed, as its record says; so that it can be checked first. */
  readonly deploy?: readonly JsonObject[] | undefined;
  /** Whether an earlier certificate is in use. */
  readonly isRenewal?: boolean | undefined;
}

/** A step of an order that has happened: `ordered`, `presented`, `validated` … */
export interface IssuerStep {
  readonly type: string;
  /** The name that the step is about, if it is about a single name. */
  readonly name?: string | undefined;
  /** The type of the challenge that the step is about, as `dns-01`. */
  readonly challenge?: string | undefined;
  /** The order's URL at the CA, if it is known. */
  readonly url?: string | undefined;
  /** For a person. */
  readonly message?: string | undefined;
}

/** A DNS record that a person has to set before the CA can validate a name. */
export interface AwaitedRecord {
  readonly type: 'TXT';
  /** The whole name, without a final dot. */
  readonly name: string;
  readonly value: string;
  /** The name that it validates, which may be a wildcard. */
  readonly domain: string;
  /** Whether all servers that were asked show it. */
  readonly isSeen: boolean;
}

/** Why an issuer has not issued yet: a person has to set records first. */
export interface Awaited {
  readonly records: readonly AwaitedRecord[];
  /** When the CA no longer accepts them, RFC 3339; absent where it does not say. */
  readonly until?: string | undefined;
}

/** What an issuer issued. */
export interface IssuedChains {
  /** PEM, the leaf first: the preferred chain, else the CA's first. */
  readonly chain: string;
  /** The same certificate with other issuers, PEM; none by default. RFC 8555 §7.4.2 */
  readonly alternates?: readonly string[] | undefined;
}

export interface IssuerOptions {
  /** What an earlier, interrupted call last passed to `save`. */
  readonly state?: JsonObject | undefined;
  /** Stores the state; awaited before anything that depends on it. */
  readonly save: (state: JsonObject) => Promise<void>;
  readonly onStep?: ((step: IssuerStep) => void) | undefined;
  /** The trace of the order. W3C Trace Context §3.2 */
  readonly traceparent?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** When a CA wants a certificate to be renewed. RFC 9773 */
export interface RenewalInfo {
  readonly window: SuggestedWindow;
  /** Explains the window, if the CA has such a page. */
  readonly explanationUrl?: string | undefined;
  /** The CA is not to be asked again before. */
  readonly askAgainAt: Temporal.Instant;
}

/**
 * A CA with an account, as the orchestrator uses it. How names are validated is known to the issuer
 * alone.
 */
export interface Issuer {
  /** `[a-z0-9-]`, 1 to 40; part of records. */
  readonly name: string;
  /** The limits of the CA: an order waits until they allow it. By default nothing is counted. */
  readonly budget?: IssuerBudget | undefined;
  /**
   * Issues a certificate, continuing from `state`. In every case all challenge responses are
   * removed, but for those that a person sets. While these are awaited it returns them, and is
   * called again later.
   */
  issue(request: IssuerRequest, options: IssuerOptions): Promise<IssuedChains | Awaited>;
  /**
   * Removes the challenge responses that `state` names. What it cannot remove now, and perhaps can
   * later, it throws; what nothing can remove any more, it reports as a step and leaves behind.
   */
  abandon(
    state: JsonObject,
    options?: {
      readonly proof?: JsonObject | undefined;
      readonly onStep?: ((step: IssuerStep) => void) | undefined;
    },
  ): Promise<void>;
  /**
   * Revokes a certificate.
   * @param chain PEM.
   * @param options `reason` in the words of RFC 5280 §5.3.1: `keyCompromise`; `privateKey`: that of
   * the certificate, PEM; `signer`: whose key signs; by default the account's, and the certificate's
   * where there is no account or the CA refuses it
   */
  revoke?(
    chain: string,
    options?: {
      readonly reason?: string | undefined;
      readonly privateKey?: string | undefined;
      readonly signer?: RevocationSigner | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<void>;
  /**
   * Does everything that `revoke` does, also at the CA, except the revocation.
   * @param chain PEM.
   * @returns which key would sign the revocation
   */
  drillRevocation?(
    chain: string,
    options?: {
      readonly privateKey?: string | undefined;
      readonly signer?: RevocationSigner | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<RevocationSigner>;
  /** @param chain PEM. @returns undefined if the CA has no such service */
  renewalInfo?(
    chain: string,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<RenewalInfo | undefined>;
}

/** Whose key signs a revocation: the account's, or the certificate's own. RFC 8555 §7.6 */
export type RevocationSigner = 'account' | 'certificate';
