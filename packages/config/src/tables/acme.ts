import * as z from 'zod';
import type { CredentialKey } from '../credential.ts';
import {
  choice,
  httpsUrl,
  keyReference,
  list,
  mailAddress,
  ownName,
  path,
  switched,
  text,
} from '../keys.ts';
import { wellKnownIssuerNames } from '../well-known-issuers.ts';
import { limitsTable } from './limits.ts';

function account(secret: CredentialKey) {
  return {
    contact: list(mailAddress(), 'Mail addresses where the CA can reach you.').default([]),
    tos_agreed: switched("You have read the CA's terms of service and agree to them.").default(
      false,
    ),
    external_account_binding: z
      .strictObject(
        {
          key_id: text('Key identifier from the CA.'),
          hmac_key: secret('HMAC key from the CA, in base64url.'),
        },
        { error: 'write a table with key_id and hmac_key' },
      )
      .optional()
      .meta({ description: 'External account at the CA (RFC 8555 §7.3.4).' }),
    account_key: keyReference(
      "URI of the account's key in a device, such as pkcs11:token=acme;object=account; by default a key is created and stored.",
    ).optional(),
    ca_certificate: path(
      "File with the root certificate of the CA's own https, PEM; for a private CA.",
    ).optional(),
    trust_anchors: list(
      path('PEM or DER file.'),
      'Files with root certificates that are trusted for the certificates of this CA, in addition to those of Node.js and ca_certificate; for a private CA whose own https has another root.',
    ).default([]),
    profile: text("One of the CA's certificate profiles.").optional(),
    preferred_chain: preferredChain().optional(),
    limits: limitsTable(),
  };
}

/** The chain that is used of those that a CA offers: see `isChain` of @acmex/certificate. */
export function preferredChain(otherwise = '') {
  return text(
    `Chain to use where the CA offers several: the common name of the issuer at its end, or the SHA-256 fingerprint of a certificate in it${otherwise}.`,
  );
}

/** `[acme]`: the default CA. */
export function acmeTable(secret: CredentialKey) {
  return z.strictObject({
    ca: choice(
      ['letsencrypt', 'google', 'zerossl', 'sslcom', 'custom'],
      'The CA; custom is the CA of ca_custom_url.',
    ).default('letsencrypt'),
    ca_environment: choice(
      ['production', 'staging'],
      'production issues trusted certificates; staging issues certificates for tests.',
    ).default('production'),
    ca_custom_url: httpsUrl(
      'URL of the ACME directory of a different CA, with ca = "custom".',
    ).optional(),
    issuers: issuerList(
      'The issuers of certificates that name none, in the order in which they are used: ca, or names of [issuers]; only ca by default.',
    ).optional(),
    ...account(secret),
  });
}

/** The issuers of a certificate, in the order in which they are used. */
export function issuerList(meaning: string) {
  return list(ownName('One of issuers, or the CA of [acme].'), meaning).min(
    1,
    'write at least one name: ["letsencrypt"]',
  );
}

/** `[issuers.NAME]` or `[[issuers]]`: further CAs, or other accounts. */
export function issuersTable(secret: CredentialKey) {
  const issuer = z
    .strictObject({
      ca: choice(wellKnownIssuerNames, 'A public CA; or use directory.').optional(),
      directory: httpsUrl('URL of the ACME directory; or use ca.').optional(),
      ...account(secret),
    })
    .refine(
      ({ ca, directory }) => (ca === undefined) !== (directory === undefined),
      'write either ca or directory',
    );
  return z
    .record(ownName('The name that certificates use.'), issuer)
    .meta({ description: 'Further CAs or accounts, by name.' });
}
