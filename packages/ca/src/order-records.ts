import type { Identifier } from '@acmex/identifier';
import type { Usage } from './authority/extensions.ts';
import type { ProblemDocument } from './problems.ts';
import { recordsOf } from './stored.ts';

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

export const orders = recordsOf<OrderRecord>('order');
/** `<account>/<order>`: in the order of their making. */
export const accountOrders = recordsOf<{ readonly expires: string }>('account-orders');
/** Orders whose certificate is being made. A start finds here what the last one left. */
export const issuances = recordsOf<{ readonly since: string }>('issuance');
