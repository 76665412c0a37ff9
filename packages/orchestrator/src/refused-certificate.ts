import { createHash } from 'node:crypto';
import { errorCode } from '@acmex/errors';
import { type Change, idOf, records, schemaCheck, type Storage, type Stored } from '@acmex/storage';
import * as z from 'zod';
import { orderId, texts, time } from './record-fields.ts';

/**
 * A certificate that a CA issued, and that is not used because it is not what was ordered. It is
 * stored so that nothing that was issued is lost, and is never served or deployed.
 */
export interface RefusedCertificate {
  /** The order that it was issued for. */
  readonly order: string;
  /** The names that were ordered. */
  readonly names: readonly string[];
  /** RFC 3339 */
  readonly at: string;
  /** Why it is not used. */
  readonly code: string;
  readonly message: string;
  /** PEM, as the CA sent it. */
  readonly chain: string;
  /** PKCS#8 PEM, the key of the request. */
  readonly privateKey: string;
}

/** A refused certificate with its id, which is unique for its managed certificate. */
export type StoredRefusal = RefusedCertificate & { readonly id: string };

/** How many are stored for each managed certificate: the newest. */
const storedRefusals = 3;

const refusals = records<RefusedCertificate>({
  kind: 'refused certificate',
  version: 1,
  check: schemaCheck(
    z.looseObject({
      order: orderId,
      names: texts,
      at: time,
      code: z.string(),
      message: z.string(),
      chain: z.string(),
      privateKey: z.string(),
    }),
  ),
  under: 'refused',
  secret: true,
});

const reasons: ReadonlySet<string | undefined> = new Set([
  'ERR_ORCHESTRATOR_DUE_AT_ONCE',
  'ERR_ORCHESTRATOR_KEY_COMPROMISED',
]);

/** Whether an error says that an issued certificate cannot be used. */
export function isRefusal(error: unknown): boolean {
  const code = errorCode(error);
  return reasons.has(code) || code?.startsWith('ERR_CERTIFICATE_') === true;
}

/** Returns the refused certificates of a managed certificate, the newest first. */
export async function refusedCertificates(
  storage: Storage,
  certificate: string,
): Promise<readonly StoredRefusal[]> {
  return (await storedNewestFirst(storage, certificate)).map((stored) => ({
    id: idOf(stored),
    ...stored.record,
  }));
}

/**
 * Returns the changes that store a refused certificate, and that remove the oldest beyond the
 * newest three. The same chain is stored once.
 */
export async function refusalChanges(
  storage: Storage,
  { certificate, ...refused }: RefusedCertificate & { readonly certificate: string },
): Promise<{ readonly id: string; readonly changes: readonly Change[] }> {
  const id = createHash('sha256').update(refused.chain).digest('hex').slice(0, 16);
  const path = `${certificate}/${id}`;
  const before = (await storedNewestFirst(storage, certificate)).filter(
    ({ key }) => key !== refusals.key(path),
  );
  const outdated = before.slice(storedRefusals - 1).map(({ key }): Change => ({ remove: key }));
  return { id, changes: [refusals.put(path, refused), ...outdated] };
}

/** Returns the keys of the refused certificates of a managed certificate. */
export async function refusalKeys(
  storage: Storage,
  certificate: string,
): Promise<readonly string[]> {
  return (await storedNewestFirst(storage, certificate)).map(({ key }) => key);
}

/** Returns the change that removes a refused certificate, because it is used after all. */
export function refusalRemoval(certificate: string, id: string): Change {
  return { remove: refusals.key(`${certificate}/${id}`) };
}

async function storedNewestFirst(
  storage: Storage,
  certificate: string,
): Promise<readonly Stored<RefusedCertificate>[]> {
  const list = [];
  for await (const stored of refusals.list(storage, { under: certificate })) list.push(stored);
  return list.sort((a, b) => Date.parse(b.record.at) - Date.parse(a.record.at));
}
