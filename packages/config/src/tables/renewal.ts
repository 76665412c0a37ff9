import { z } from 'zod';
import { argv, path, seconds, whole } from '../keys.ts';

export function renewBeforeDays() {
  return whole(
    'Days before expiry at the latest when a certificate is renewed. Without it the CA says when (RFC 9773), else a third of the lifetime is left.',
    { from: 1, to: 365 },
  );
}

/** `[renewal]`: when certificates are renewed, and what runs then. */
export function renewalTable() {
  return z.strictObject({
    check_interval: seconds(
      'How often the daemon looks for what others have written, at least; what becomes due it knows by itself.',
      1,
      86_400,
    ).default(60),
    renew_before_days: renewBeforeDays().optional(),
    concurrency: whole('How many certificates are renewed at once.', { from: 1, to: 1000 }).default(
      5,
    ),
    per_issuer: whole('How many of these at one account of a CA; all of them by default.', {
      from: 1,
      to: 1000,
    }).optional(),
    hooks: z
      .strictObject({
        before: argv('Runs before certificates are ordered.').optional(),
        deploy: argv('Runs for every new certificate that has none of its own.').optional(),
        after: argv('Runs once after a run that has renewed something.').optional(),
        on_error: argv('Runs for every certificate that could not be renewed.').optional(),
        directory: path('Folder of programs that all run for every new certificate.').optional(),
        timeout_secs: seconds('How long one hook may take.', 1, 86_400).default(120),
      })
      .prefault({}),
  });
}
