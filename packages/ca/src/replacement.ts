import { ariCertificateId } from '@acmex/certificate';
import type { Identifier } from '@acmex/identifier';
import type { Change, Storage, Stored } from '@acmex/storage';
import { type CertificateRecord, certificates, leafOf } from './certificate-records.ts';
import { orders } from './order-records.ts';
import { orderState } from './order-state.ts';
import { refusal } from './problems.ts';
import type { Service } from './service.ts';

/**
 * The certificate that a name for renewal information means: its issuer's key and its serial
 * number. RFC 9773 §4.1
 */
export async function certificateNamed(
  storage: Storage,
  id: string,
): Promise<Stored<CertificateRecord> | undefined> {
  const [, serial = ''] = /^[\w-]{1,60}\.([\w-]{1,60})$/.exec(id) ?? [];
  const serialNumber = Buffer.from(serial, 'base64url')
    .toString('hex')
    .replace(/^(00)+/, '');
  const stored = serialNumber === '' ? undefined : await certificates.read(storage, serialNumber);
  return stored && ariCertificateId(leafOf(stored.record)) === id ? stored : undefined;
}

interface Replacement {
  readonly account: string;
  /** The new order. */
  readonly order: string;
  readonly replaces: unknown;
  readonly names: readonly Identifier[];
}

/**
 * The change that marks a certificate as replaced by a new order. RFC 9773 §5
 * @throws Refusal `malformed`; `alreadyReplaced` while another order replaces it that is not
 * invalid
 */
export async function replacing(
  service: Service,
  { account, order, replaces, names }: Replacement,
): Promise<readonly Change[]> {
  const stored =
    typeof replaces === 'string' ? await certificateNamed(service.storage, replaces) : undefined;
  if (stored?.record.account !== account)
    throw refusal('malformed', '"replaces" names no certificate of this account');
  const { record } = stored;
  const shared = names.some(({ type, value }) =>
    record.identifiers.some((identifier) => identifier.type === type && identifier.value === value),
  );
  if (!shared)
    throw refusal('malformed', 'the certificate in "replaces" has none of the names of this order');
  const replacingOrder =
    record.replacedBy === undefined
      ? undefined
      : (await orders.read(service.storage, record.replacedBy))?.record;
  if (replacingOrder && (await orderState(service, replacingOrder)).status !== 'invalid')
    throw refusal('alreadyReplaced', 'another order replaces this certificate already');
  return [certificates.changed(stored, { ...record, replacedBy: order })];
}
