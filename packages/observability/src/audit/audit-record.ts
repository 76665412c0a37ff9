import { createHash } from 'node:crypto';
import { jsonRecord, records, schemaCheck, type Stored } from '@acmex/storage';
import * as z from 'zod';

/** Who does something, and from where. */
export interface AuditOrigin {
  /** The program: `acmex serve`, `acmex renew`. */
  readonly program?: string | undefined;
  /** The machine that the program runs on. */
  readonly host?: string | undefined;
  /** The user of the operating system that runs the program. */
  readonly user?: string | undefined;
  /** The id of an API key, or the name that an identity provider uses. */
  readonly actor?: string | undefined;
  /** The network address of the caller. */
  readonly address?: string | undefined;
  /** W3C Trace Context: 32 hexadecimal digits. */
  readonly traceId?: string | undefined;
}

/** What happened: the event that was written with it, or what a CA did. */
export interface AuditAction {
  /** The id of the event; of a CA, the key of the record that changed. */
  readonly event: string;
  /** Its type: see docs/events.md. */
  readonly type: string;
  readonly tenant?: string | undefined;
  readonly certificate?: string | undefined;
  readonly order?: string | undefined;
  readonly names?: readonly string[] | undefined;
  readonly issuer?: string | undefined;
  readonly actor?: string | undefined;
  readonly message?: string | undefined;
  /** The code of an error, where what happened is a failure. */
  readonly code?: string | undefined;
  /** The trace that it belongs to: 32 hexadecimal digits. */
  readonly traceId?: string | undefined;
}

/** One write to the storage that something happened in. */
export interface AuditRecord {
  /** RFC 3339 */
  readonly time: string;
  /** The chain that the record belongs to: one of each process. */
  readonly writer: string;
  /** Its place in the chain, from 1. */
  readonly sequence: number;
  /** SHA-256 of the stored bytes of the previous record, hexadecimal; empty for the first. */
  readonly previous: string;
  readonly origin: AuditOrigin;
  readonly actions: readonly AuditAction[];
}

/** The last record of a chain. */
export interface AuditHead {
  readonly sequence: number;
  /** SHA-256 of its stored bytes, hexadecimal. */
  readonly hash: string;
}

const text = z.string().optional();
const sha256Text = z.string().regex(/^[0-9a-f]{64}$/);
const sequence = z.int().positive();

const kind = {
  kind: 'audit record',
  version: 1,
  check: schemaCheck<AuditRecord>(
    z.looseObject({
      time: z.iso.datetime({ offset: true }),
      writer: z.string(),
      sequence,
      previous: z.union([sha256Text, z.literal('')]),
      origin: z.looseObject({
        ...{ program: text, host: text, user: text, actor: text, address: text, traceId: text },
      }),
      actions: z.array(
        z.looseObject({
          event: z.string(),
          type: z.string(),
          names: z.array(z.string()).optional(),
          ...{ tenant: text, certificate: text, order: text, issuer: text, actor: text },
          ...{ message: text, code: text, traceId: text },
        }),
      ),
    }),
  ),
};

export const auditRecordJson = jsonRecord<AuditRecord>(kind);
export const auditRecords = records<AuditRecord>({ ...kind, under: 'audit/record', many: true });

/** The last record of each chain, by its writer. */
export const auditHeads = records<AuditHead>({
  kind: 'head of an audit chain',
  version: 1,
  check: schemaCheck(z.looseObject({ sequence, hash: sha256Text })),
  under: 'audit/head',
});

export type StoredAuditRecord = Stored<AuditRecord>;

/** SHA-256, hexadecimal. */
export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
