import { parseWeeklyWindow, weeklyWindowForm } from '@acmex/clock';
import * as z from 'zod';
import { allowedRange, argv, list, path, seconds, switched, whole } from '../keys.ts';

export function renewBeforeDays() {
  return whole(
    'Renew at least this many days before expiry. By default the CA chooses the time (RFC 9773); without that a certificate is renewed when a third of its lifetime is left.',
    { from: 1, to: 365 },
  );
}

/** The windows in which certificates are renewed. */
export function maintenanceWindows(meaning: string) {
  const wanted = `write ${weeklyWindowForm}`;
  return list(
    z.string({ error: wanted }).refine((window) => parseWeeklyWindow(window) !== undefined, wanted),
    meaning,
  ).min(1, `${wanted}, or remove the key`);
}

/** `[renewal]`: when certificates are renewed, and what runs then. */
export function renewalTable() {
  return z.strictObject({
    check_interval: seconds(
      'How often the daemon scans the storage for changes by other processes, in seconds. It renews what becomes due without a scan.',
      1,
      86_400,
    ).default(60),
    renew_before_days: renewBeforeDays().optional(),
    maintenance_windows: maintenanceWindows(
      'Renew only in these windows, such as "Sat 02:00-06:00 Europe/Berlin", unless a renewal is urgent; at any time by default. Without days it is each day, and without a time zone in UTC.',
    ).optional(),
    concurrency: whole('The number of certificates to renew at the same time.', {
      from: 1,
      to: 1000,
    }).default(5),
    per_issuer: whole(
      'The number of certificates to renew at the same time with one account of a CA; concurrency by default.',
      {
        from: 1,
        to: 1000,
      },
    ).optional(),
    revocation: revocationTable(),
    hooks: z
      .strictObject({
        before: argv('Runs before certificates are ordered.').optional(),
        deploy: argv('Runs for every new certificate that has no deploy hook.').optional(),
        after: argv('Runs once after a run that renewed a certificate.').optional(),
        on_error: argv('Runs for every certificate that could not be renewed.').optional(),
        directory: path(
          'Folder of programs; all of them run for every new certificate.',
        ).optional(),
        timeout_secs: seconds('The longest time that a hook may take.', 1, 86_400).default(120),
      })
      .prefault({}),
  });
}

/** `[renewal.revocation]`: whether a certificate that its CA has revoked is noticed. */
function revocationTable() {
  return z
    .strictObject({
      check: switched(
        'Find out by OCSP and revocation lists whether certificates are revoked, and renew those that are, with a new key if the key is compromised.',
      ).default(true),
      interval_hours: whole(
        'How often each certificate is checked, at about this interval; for short lifetimes after a tenth of it.',
        { from: 1, to: 720 },
      ).default(24),
      allow: list(
        allowedRange(),
        'Private addresses that OCSP responders and lists of your CA may have, such as "10.0.0.0/8"; then every port is permitted, else 80 and 443. Public addresses need no entry.',
      ).default([]),
    })
    .prefault({});
}
