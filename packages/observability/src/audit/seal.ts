import { errorText } from '@acmex/errors';
import { records, schemaCheck, type Storage, type Stored } from '@acmex/storage';
import * as z from 'zod';
import { signingKey, signStatement, verifiedStatement } from './signing-key.ts';
import { AuditError } from '../errors.ts';

const sealType = 'acmex-audit-seal';

/** A signed statement of which records were removed from the start of a chain. */
export interface Seal {
  readonly writer: string;
  /** The place of the last removed record in its chain; all before it were removed too. */
  readonly sequence: number;
  /** SHA-256 of the stored bytes of the last removed record, hexadecimal. */
  readonly hash: string;
  /** When they were removed. RFC 3339 */
  readonly time: string;
}

/** The form in which a seal is stored. */
export interface SignedSeal {
  /** Compact serialization, RFC 7515 §7.1. */
  readonly jws: string;
}

const sealSchema = z.looseObject({
  writer: z.string(),
  sequence: z.int().positive(),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  time: z.iso.datetime({ offset: true }),
});

/** The seal of each chain whose start was removed, by its writer. */
export const auditSeals = records<SignedSeal>({
  kind: 'seal of an audit chain',
  version: 1,
  check: schemaCheck(z.looseObject({ jws: z.string() })),
  under: 'audit/seal',
});

/** Signs a seal with the key of the storage. */
export async function signSeal(storage: Storage, seal: Seal): Promise<SignedSeal> {
  return { jws: await signStatement(seal, { jwk: await signingKey(storage), type: sealType }) };
}

/**
 * Reads the seal of a chain, and verifies it.
 * @param thumbprint that of the key of the storage
 * @throws AuditError `ERR_AUDIT_DAMAGED`
 */
export async function readSeal(
  { record: { jws } }: Pick<Stored<SignedSeal>, 'record'>,
  { writer, thumbprint }: { readonly writer: string; readonly thumbprint: string | undefined },
): Promise<Seal> {
  try {
    const read = await verifiedStatement(jws, { type: sealType });
    const seal = sealSchema.parse(read.statement);
    if (read.thumbprint !== thumbprint) throw new TypeError('a key that is not ours has signed it');
    if (seal.writer !== writer) throw new TypeError('it is the seal of another chain');
    return seal;
  } catch (cause) {
    throw new AuditError(
      'ERR_AUDIT_DAMAGED',
      `the seal of the chain ${writer} is not valid: ${errorText(cause)}`,
      { cause },
    );
  }
}
