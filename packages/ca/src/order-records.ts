import type { Identifier } from '@acmex/identifier';
import type { Usage } from './authority/extensions.ts';
import type { ProblemDocument } from './problems.ts';
import { id, identifier, problem, recordsOf, serialNumber, text, time } from './stored.ts';
import * as z from 'zod';

/**
 * What a certificate is built from, decided once: a process that resumes an interrupted issuance
 * makes the same certificate.
 */
export interface DecidedIssuance {
  readonly serialNumber: string;
  /** SubjectPublicKeyInfo, DER in base64. */
  readonly publicKey: string;
  readonly rsa: boolean;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly usages: readonly Usage[];
  readonly mustStaple: boolean;
  readonly decidedAt: string;
}

export interface OrderRecord {
  readonly account: string;
  /** `open` is pending, ready or invalid: its authorizations and the time say which. */
  readonly status: 'open' | 'processing' | 'valid' | 'invalid';
  readonly identifiers: readonly Identifier[];
  readonly authorizations: readonly string[];
  /** Times are RFC 3339. */
  readonly expires: string;
  readonly notBefore?: string | undefined;
  readonly notAfter?: string | undefined;
  readonly profile: string;
  /** Whether the client has named it. */
  readonly profileAsked: boolean;
  readonly replaces?: string | undefined;
  readonly issuance?: DecidedIssuance | undefined;
  readonly error?: ProblemDocument | undefined;
}

export const orders = recordsOf<OrderRecord>(
  'order',
  z.looseObject({
    account: id,
    status: z.enum(['open', 'processing', 'valid', 'invalid']),
    identifiers: z.array(identifier),
    authorizations: z.array(id),
    expires: time,
    notBefore: time.optional(),
    notAfter: time.optional(),
    profile: text,
    profileAsked: z.boolean(),
    replaces: z.string().optional(),
    issuance: z
      .looseObject({
        serialNumber,
        publicKey: text,
        rsa: z.boolean(),
        notBefore: time,
        notAfter: time,
        usages: z.array(z.enum(['serverAuth', 'clientAuth'])),
        mustStaple: z.boolean(),
        decidedAt: time,
      })
      .optional(),
    error: problem.optional(),
  }),
);
/** `<account>/<order>`: in the order of their making. */
export const accountOrders = recordsOf<{ readonly expires: string }>(
  'account-orders',
  z.looseObject({ expires: time }),
);
/** Orders whose certificate is being made. A start finds here what the last one left. */
export const issuances = recordsOf<{ readonly since: string }>(
  'issuance',
  z.looseObject({ since: time }),
);
