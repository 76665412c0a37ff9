import type { Temporal } from 'temporal-polyfill';
import type { JsonObject } from './json.ts';
import type { SuggestedWindow } from './renewal-time.ts';

/** What is asked of an issuer. */
export interface IssuerRequest {
  /** As people write them: `example.com`, `*.example.com`, `192.0.2.1`. */
  readonly names: readonly string[];
  /** DER */
  readonly csr: Uint8Array;
  readonly profile?: string | undefined;
  /** PEM of the certificate that this one follows. RFC 9773 §5 */
  readonly replaces?: string | undefined;
  /** How each name is proven: the issuer's own words, as the certificate's record has them. */
  readonly proof?: JsonObject | undefined;
}

/** Something that was seen to happen on the way: `ordered`, `presented`, `validated` … */
export interface IssuerStep {
  readonly type: string;
  /** The name that it is about, where it is about one. */
  readonly name?: string | undefined;
  /** The order's URL at the CA, where it is known. */
  readonly url?: string | undefined;
  /** For a person. */
  readonly message?: string | undefined;
}

export interface IssuerOptions {
  /** What an earlier, interrupted call last gave to `save`. */
  readonly state?: JsonObject | undefined;
  /** Keeps the state; awaited before anything that depends on it. */
  readonly save: (state: JsonObject) => Promise<void>;
  readonly onStep?: ((step: IssuerStep) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** When a CA wants its certificate to be renewed. RFC 9773 */
export interface RenewalInfo {
  readonly window: SuggestedWindow;
  /** Why, where the CA says it. */
  readonly explanationUrl?: string | undefined;
  /** Not to be asked again before. */
  readonly askAgainAt: Temporal.Instant;
}

/** A CA with an account, as the orchestrator knows it: it speaks of names, windows and problems, and never of how they are proven. */
export interface Issuer {
  /** `[a-z0-9-]`, 1 to 40; part of records. */
  readonly name: string;
  /** From a request to a chain, PEM. Goes on from `state`; whatever happens, nothing stays on display. */
  issue(request: IssuerRequest, options: IssuerOptions): Promise<string>;
  /** Takes down what `state` says may be on display. */
  abandon(state: JsonObject, options?: { readonly proof?: JsonObject | undefined }): Promise<void>;
  /** Revokes a certificate. @param chain PEM. @param options `reason` in the words of RFC 5280 §5.3.1: `keyCompromise` */
  revoke?(
    chain: string,
    options?: { readonly reason?: string | undefined; readonly signal?: AbortSignal | undefined },
  ): Promise<void>;
  /** @param chain PEM. @returns undefined where the CA has no such service */
  renewalInfo?(
    chain: string,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<RenewalInfo | undefined>;
}
