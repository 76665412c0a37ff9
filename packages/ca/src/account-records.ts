import type { PublicJwk } from '@acmex/protocol';
import { id, publicJwk, recordsOf, text, time } from './stored.ts';
import * as z from 'zod';

export interface AccountRecord {
  readonly status: 'valid' | 'deactivated';
  readonly contact: readonly string[];
  readonly key: PublicJwk;
  /**
   * Thumbprints of the keys that it had before, the latest first: records of dns-persist-01 may
   * name it by them.
   */
  readonly formerThumbprints?: readonly string[] | undefined;
  readonly termsOfServiceAgreed: boolean;
  /** The key identifier of the external account that it is bound to. */
  readonly externalAccount?: string | undefined;
  /** RFC 3339 */
  readonly createdAt: string;
}

export const accounts = recordsOf<AccountRecord>(
  'account',
  z.looseObject({
    status: z.enum(['valid', 'deactivated']),
    contact: z.array(z.string()),
    key: publicJwk,
    formerThumbprints: z.array(text).optional(),
    termsOfServiceAgreed: z.boolean(),
    externalAccount: id.optional(),
    createdAt: time,
  }),
);
/**
 * By the thumbprint of its key: there is one account for a key, also where many ask for it at once.
 */
export const accountsByKey = recordsOf<{ readonly account: string }>(
  'account-by-key',
  z.looseObject({ account: id }),
);
