import { firstId, idOf, type ReadManyOptions, type Storage } from '@acmex/storage';
import { type AuditRecord, auditRecords } from './audit-record.ts';

export interface ListAuditOptions extends ReadManyOptions {
  /** Only records behind this id. */
  readonly after?: string | undefined;
  /** Only records from this moment on. RFC 3339 */
  readonly since?: string | undefined;
  readonly limit?: number | undefined;
}

export type ListedAuditRecord = AuditRecord & { readonly id: string };

/** Lists the audit records of a storage, the oldest first. */
export async function* listAuditRecords(
  storage: Storage,
  { after, since, ...options }: ListAuditOptions = {},
): AsyncGenerator<ListedAuditRecord> {
  const from = since === undefined ? undefined : firstId('aud', Date.parse(since));
  const position = [after, from]
    .filter((id) => id !== undefined)
    .sort()
    .at(-1);
  const listed = auditRecords.list(storage, {
    ...options,
    ...(position === undefined ? {} : { after: auditRecords.key(position) }),
  });
  for await (const stored of listed) yield { id: idOf(stored), ...stored.record };
}
