import * as z from 'zod';
import { switched, whole } from '../keys.ts';

function limit(meaning: string) {
  return z
    .strictObject(
      {
        count: whole('How many at once, if none was taken for a while.', {
          from: 1,
          to: 10_000_000,
        }),
        period_secs: whole('In how many seconds as many are allowed again.', {
          from: 1,
          to: 315_360_000,
          unit: ' of seconds',
        }),
      },
      { error: 'write a table with count and period_secs' },
    )
    .optional()
    .meta({ description: meaning });
}

/**
 * `limits` of an issuer: the limits that its CA has. What is absent is as the CA is known to have
 * it.
 */
export function limitsTable() {
  return z
    .strictObject(
      {
        new_orders: limit('Orders of the account.'),
        certificates_per_domain: limit(
          'Certificates with names of one registered domain, of all accounts; an IPv4 address or an IPv6 /64 network counts as a domain.',
        ),
        certificates_per_name_set: limit('Certificates for exactly the same names.'),
        failed_validations: limit('Failed validations of a name.'),
        names_per_certificate: whole('The most names in a certificate.', {
          from: 1,
          to: 10_000,
        }).optional(),
        identifier_bytes: whole('The most bytes that the names of an order have together.', {
          from: 1,
          to: 1_000_000,
        }).optional(),
        exempt_renewals: switched(
          "Whether the CA exempts renewals from its limits, as Let's Encrypt does.",
        ).optional(),
        renewal_share_percent: whole(
          'Per cent of the orders, and of the certificates of a domain, that new certificates leave to renewals.',
          { from: 0, to: 90 },
        ).default(10),
      },
      { error: 'write a table of limits' },
    )
    .optional()
    .meta({
      description:
        "Limits of the CA, which orders wait for. Those of Let's Encrypt are known; a limit here replaces the known one.",
    });
}
