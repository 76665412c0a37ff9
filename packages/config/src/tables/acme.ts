import { z } from 'zod';
import type { CredentialKey } from '../credential.ts';
import { choice, httpsUrl, list, mailAddress, ownName, path, switched, text } from '../keys.ts';
import { wellKnownIssuerNames } from '../well-known-issuers.ts';

function account(secret: CredentialKey) {
  return {
    contact: list(mailAddress(), 'Mail addresses where the CA can reach you.').default([]),
    tos_agreed: switched("You have read the CA's terms of service and agree to them.").default(
      false,
    ),
    external_account_binding: z
      .strictObject(
        {
          key_id: text('Key identifier, as the CA handed it out.'),
          hmac_key: secret('HMAC key in base64url, as the CA handed it out.'),
        },
        { error: 'write a table with key_id and hmac_key' },
      )
      .optional()
      .meta({ description: 'External account at the CA (RFC 8555 §7.3.4).' }),
    ca_certificate: path(
      "File with the root certificate of the CA's own https, PEM; for a private CA.",
    ).optional(),
    profile: text("One of the CA's certificate profiles.").optional(),
    preferred_chain: text('Common name of the issuer that chains should end in.').optional(),
  };
}

/** `[acme]`: the CA that is used where no other is named. */
export function acmeTable(secret: CredentialKey) {
  return z.strictObject({
    ca: choice(
      ['letsencrypt', 'google', 'zerossl', 'sslcom', 'custom'],
      'Which CA; custom is the one of ca_custom_url.',
    ).default('letsencrypt'),
    ca_environment: choice(
      ['production', 'staging'],
      "Whether the CA's certificates are trusted, or for tests.",
    ).default('production'),
    ca_custom_url: httpsUrl(
      'URL of the ACME directory of another CA; with ca = "custom".',
    ).optional(),
    ...account(secret),
  });
}

/** `[issuers.NAME]` or `[[issuers]]`: further CAs, or other accounts. */
export function issuersTable(secret: CredentialKey) {
  const issuer = z
    .strictObject({
      ca: choice(wellKnownIssuerNames, 'A public CA; or give directory.').optional(),
      directory: httpsUrl('URL of the ACME directory; or give ca.').optional(),
      ...account(secret),
    })
    .refine(
      ({ ca, directory }) => (ca === undefined) !== (directory === undefined),
      'give either ca or directory',
    );
  return z
    .record(ownName('What certificates call it.'), issuer)
    .meta({ description: 'Further CAs or accounts, by name.' });
}
