/** What a CA does that an audit log records, with what it means. A name never changes. */
export const auditedActionTypes = {
  ca_created: 'The CA was created.',
  ca_issuer_replaced: 'The CA has another issuing certificate.',
  ca_account_created: 'An ACME account was created.',
  ca_account_changed: 'The contacts of an ACME account were changed.',
  ca_account_deactivated: 'An ACME account was deactivated.',
  ca_account_key_changed: 'An ACME account has another key.',
  ca_external_account_created: 'An external account was created, with a key to bind ACME accounts.',
  ca_external_account_revoked: 'An external account was revoked.',
  ca_validation_failed: 'A client has not proven that it controls a name, so its order fails.',
  ca_certificate_issued: 'A certificate was issued.',
  ca_certificate_revoked: 'A certificate was revoked.',
  ca_renewal_window_moved: 'The renewal window of a certificate, or of all, was moved.',
  ca_renewal_window_restored: 'A moved renewal window was moved back.',
} as const;

export type AuditedActionType = keyof typeof auditedActionTypes;
