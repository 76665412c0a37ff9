import type { JsonObject } from '@acmex/protocol';
import { ClientError } from './errors.ts';

/** A response that is or may be on display. */
export interface SavedResponse {
  /** The type of challenge. */
  readonly type: string;
  /** URL of the authorization that it is for. */
  readonly authorization: string;
  readonly response: JsonObject;
}

/**
 * Everything about an issuance that a crash must not lose, as JSON; opaque to everyone but the
 * client.
 */
export interface IssuanceState {
  readonly version: 1;
  /** URL of the order, once the CA has answered. */
  readonly order?: string | undefined;
  /** An order was about to be made, and its URL is not known: it may be there. */
  readonly ordering?: true | undefined;
  readonly responses: readonly SavedResponse[];
  /**
   * When the order, or an authorization that `responses` are for, expires, RFC 3339; absent where the
   * CA does not say, and before there are responses.
   */
  readonly expires?: string | undefined;
}

export const newState: IssuanceState = { version: 1, responses: [] };

/** @throws ClientError `ERR_CLIENT_STATE` for a state that this version cannot read */
export function checkState(state: IssuanceState): IssuanceState {
  const { version, responses } = state as {
    readonly version?: unknown;
    readonly responses?: unknown;
  };
  if (version === 1 && Array.isArray(responses)) return state;
  throw new ClientError(
    'ERR_CLIENT_STATE',
    `the saved state of the issuance has version ${String(version)}; this client reads version 1`,
  );
}
