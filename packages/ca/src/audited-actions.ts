import { type Change, idOf, keyOf, type Records } from '@acmex/storage';
import type { AuditedActionType } from './audited-action-types.ts';
import { accounts, accountsByKey } from './account-records.ts';
import { authorizations, validations } from './authorization-records.ts';
import { authorities } from './authority/stored-authority.ts';
import { certificates, revocations } from './certificate-records.ts';
import { externalAccounts } from './external-accounts.ts';
import { windows } from './renewal-info.ts';

/** The characters of a reason that may come from a server of the client. */
const longestReason = 500;

/** Something that a CA did, as an audit log has it. */
export interface AuditedAction {
  /** The key of the record that changed. */
  readonly event: string;
  readonly type: AuditedActionType;
  /** The serial number of a certificate, in lower-case hexadecimal. */
  readonly certificate?: string | undefined;
  readonly order?: string | undefined;
  readonly names?: readonly string[] | undefined;
  /** The id of the ACME account. */
  readonly actor?: string | undefined;
  /**
   * More of it: the profile, the reason of a revocation or of a failed validation, the external
   * account.
   */
  readonly message?: string | undefined;
}

/** The keys of which one is in each write that is recorded: most writes have none. */
const auditedKey = new RegExp(
  `^(?:${[authorities, accounts, externalAccounts, validations, certificates, windows]
    .map((kind) => kind.key(''))
    .join('|')})`,
);

/**
 * Returns what a write to the storage of a CA does that an audit log records. It is read from the
 * records that are written, so that no such write goes without its entry.
 */
export function auditedActions(changes: readonly Change[]): readonly AuditedAction[] {
  if (!changes.some((change) => auditedKey.test(keyOf(change)))) return [];
  return [
    ...authorityActions(changes),
    ...accountActions(changes),
    ...externalAccountActions(changes),
    ...validationActions(changes),
    ...certificateActions(changes),
    ...windowActions(changes),
  ];
}

function authorityActions(changes: readonly Change[]): readonly AuditedAction[] {
  return writtenIn(changes, authorities)
    .filter(({ id }) => id === 'issuing')
    .map(({ key, isNew }) => ({ event: key, type: isNew ? 'ca_created' : 'ca_issuer_replaced' }));
}

function accountActions(changes: readonly Change[]): readonly AuditedAction[] {
  const hasNewKey = writtenIn(changes, accountsByKey).length > 0;
  return writtenIn(changes, accounts).map(({ key, id, isNew, record }) => ({
    event: key,
    type: accountActionType({ isNew, hasNewKey, isValid: record.status === 'valid' }),
    actor: id,
    message: isNew && record.externalAccount !== undefined ? record.externalAccount : undefined,
  }));
}

function accountActionType({
  isNew,
  hasNewKey,
  isValid,
}: {
  readonly isNew: boolean;
  readonly hasNewKey: boolean;
  readonly isValid: boolean;
}): AuditedActionType {
  if (isNew) return 'ca_account_created';
  if (hasNewKey) return 'ca_account_key_changed';
  return isValid ? 'ca_account_changed' : 'ca_account_deactivated';
}

function externalAccountActions(changes: readonly Change[]): readonly AuditedAction[] {
  return (
    writtenIn(changes, externalAccounts)
      // It also changes when an ACME account is bound to it.
      .filter(({ isNew, record }) => isNew || record.revokedAt !== undefined)
      .map(({ key, isNew }) => ({
        event: key,
        type: isNew ? 'ca_external_account_created' : 'ca_external_account_revoked',
      }))
  );
}

function validationActions(changes: readonly Change[]): readonly AuditedAction[] {
  const prefix = validations.key('');
  // Other writes of authorizations are not read.
  if (!changes.some((change) => 'remove' in change && change.remove.startsWith(prefix))) return [];
  return writtenIn(changes, authorizations)
    .filter(({ record: { status } }) => status === 'invalid')
    .map(({ key, record: { account, identifier, challenges } }) => ({
      event: key,
      type: 'ca_validation_failed',
      names: [identifier.value],
      actor: account,
      message: challenges.find(({ error }) => error)?.error?.detail.slice(0, longestReason),
    }));
}

function certificateActions(changes: readonly Change[]): readonly AuditedAction[] {
  const revoked = new Map(
    writtenIn(changes, revocations).map(({ record }) => [record.serialNumber, record]),
  );
  return (
    writtenIn(changes, certificates)
      // It also changes when an order is to replace it.
      .filter(({ id, isNew }) => isNew || revoked.has(id))
      .map(({ key, id, isNew, record }) => ({
        event: key,
        type: isNew ? 'ca_certificate_issued' : 'ca_certificate_revoked',
        certificate: id,
        order: record.order,
        names: record.identifiers.map(({ value }) => value),
        actor: isNew ? record.account : undefined,
        message: isNew
          ? `profile ${record.profile}, until ${record.notAfter}`
          : `reason ${revoked.get(id)?.reason}`,
      }))
  );
}

function windowActions(changes: readonly Change[]): readonly AuditedAction[] {
  const of = (key: string) => ({
    event: key,
    certificate: key === windows.key('all') ? undefined : idOf({ key }),
  });
  return [
    ...writtenIn(changes, windows).map(({ key, record: { start, end } }) => ({
      ...of(key),
      type: 'ca_renewal_window_moved' as const,
      message: `${start} to ${end}`,
    })),
    ...changes
      .filter((change) => 'remove' in change)
      .filter(({ remove }) => remove.startsWith(windows.key('')))
      .map(({ remove }) => ({ ...of(remove), type: 'ca_renewal_window_restored' as const })),
  ];
}

interface Written<T> {
  readonly key: string;
  readonly id: string;
  /** Whether the write fails where there is such a record. */
  readonly isNew: boolean;
  readonly record: T;
}

/** Returns the records of one kind that a write contains. */
function writtenIn<T>(changes: readonly Change[], kind: Records<T>): readonly Written<T>[] {
  const prefix = kind.key('');
  return changes.flatMap((change) => {
    if (!('set' in change) || !change.set.startsWith(prefix)) return [];
    const { set: key, value, secret = false, ifVersion } = change;
    const { record } = kind.parse({ key, value, secret, version: '' });
    return [{ key, id: idOf({ key }), isNew: ifVersion === null, record }];
  });
}
