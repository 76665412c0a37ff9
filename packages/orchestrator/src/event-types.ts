/** All events and their meanings. Each has happened when it is written. */
export const eventMeanings = {
  renewal_started: 'An order was created: the first one of a certificate, or a later one.',
  renewal_success: 'A certificate was renewed and is in the storage.',
  renewal_failed: 'An order failed. It is tried again, unless someone waited for it.',
  renewal_skipped:
    'An order that was due is due later, because the CA has moved its window, because its maintenance window is over, or because the limits of the CA allow no order before: its code then is ERR_ORCHESTRATOR_BUDGET.',
  name_left_out:
    'A certificate was issued without names that are wanted: they were not validated again and again, and allow_subset_of_names permits it. The message has the reasons. They are ordered again after a day, later each week.',
  name_taken_back: 'A certificate was issued with names again that were left out.',
  renewal_window_ignored:
    'The CA suggests a renewal window that begins after the certificate has expired. It is ignored.',
  account_registered: 'An account was created at a CA, or found there by its key.',
  account_updated: 'The contacts of an account were changed, or it was deactivated.',
  account_key_changed: 'An account has a new key.',
  user_action_required:
    'The CA of an issuer wants a person to act, most often to agree to new terms of service. The message has the page to visit. Nothing is ordered there until then, and certificates with further issuers use those.',
  terms_accepted:
    'A person has said with acmex account accept-terms that the terms of service in the message are agreed to.',
  issuer_unavailable:
    'An issuer has failed several times in a row, or limits all orders: nothing is ordered there before the time in the message, and certificates with further issuers use those.',
  issuer_available: 'An issuer that was unavailable works again.',
  issuer_changed:
    'An order is made at another issuer of the certificate, for the reason in the message.',
  order_given_up:
    'The CA did not end its work on an order in five attempts: its next attempt makes a new order.',
  challenge_record_wanted:
    'A person must set DNS records by hand for an order, until the time in the message. It is written again when the CA wants new values.',
  challenge_created: 'A challenge response was published.',
  challenge_validated: 'The CA has validated every name of an order.',
  challenge_failed: 'The CA could not validate a name.',
  order_created: 'The CA has accepted an order.',
  order_cancelled: 'An order was cancelled, and its challenge responses are removed.',
  order_orphaned:
    'An order may be unused at the CA, because a process ended while it created the order.',
  certificate_added: 'A certificate is managed from now on.',
  certificate_changed: 'The specification of a certificate was changed.',
  certificate_obtained: 'A certificate was issued for the first time.',
  certificate_deployed: 'A certificate was deployed, and its probe, if any, found it in use.',
  deployment_failed:
    'A certificate could not be deployed. This is tried again without a new order.',
  certificate_expired: 'A certificate has expired.',
  certificate_expiring:
    'A certificate expires in 14, 7, 3 or 1 days, or less where it is short-lived, and its renewal is late or not planned. Each of the four is reported once for a certificate.',
  renewal_late:
    'A renewal that was due is not done, whatever the reason; or a certificate was not issued a day after it was added.',
  served_certificate_differs:
    'A server of served_at or probe serves another certificate than the one in use: an earlier one, one that has expired, or one of someone else. A new certificate has an hour to be deployed, or a tenth of its lifetime.',
  served_certificate_unreachable:
    'A server of served_at or probe did not complete a TLS handshake in three checks in a row.',
  alarm_resolved:
    'What certificate_expiring or renewal_late has reported of a certificate is over: it was renewed, paused, removed, or its renewal is due later. Or what served_certificate_differs or served_certificate_unreachable has reported is over: all servers serve it. Its member alarm says which: renewal or served.',
  certificate_revoked: 'A certificate was revoked at its CA.',
  revocation_detected:
    'A certificate was found revoked, by OCSP or a revocation list. It is renewed at once, with a new key if the key is compromised.',
  private_key_read: 'A private key was read through the API, or exported.',
  api_key_created: 'An API key was created.',
  api_key_changed: 'An API key was rotated, or its expiry was changed.',
  api_key_revoked: 'An API key was revoked.',
  session_created: 'Someone has signed in in a browser, with an API key or at a provider.',
  session_ended:
    'A session of a browser ended: its user has signed out or signed in again, or the key has begun 50 later ones. None is written when a session expires or its key ends.',
  session_revoked: 'A session of a browser was revoked.',
  calendar_token_created: 'A token was created with which a calendar program reads the calendar.',
  calendar_token_revoked: 'A token of the calendar was revoked.',
  audit_sealed:
    'Records of the audit log were removed because they are older than audit.retention_days.',
  certificate_removed:
    'A certificate is no longer managed, and its keys were removed from the storage.',
} as const;
export type EventType = keyof typeof eventMeanings;
export const eventTypes = Object.keys(eventMeanings) as readonly EventType[];

/** What a receiver can be notified of: each event, and what only notifications have. */
export const notificationMeanings = {
  ...eventMeanings,
  weekly_summary:
    'Once a week, if notifications.summary is weekly: the certificates that fail or are late, those that expire next with their planned renewal, and those that are paused. It is sent to receivers only, and is in no list of events.',
} as const;
export type NotificationType = keyof typeof notificationMeanings;
export const notificationTypes = Object.keys(notificationMeanings) as readonly NotificationType[];
