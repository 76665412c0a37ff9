import { keyTypes } from '@acmex/certificate';
import { bundleFormatNames, bundleFormats } from '@acmex/certificate/formats';
import * as z from 'zod';
import {
  argv,
  certifiedName,
  choice,
  keyReference,
  list,
  listenAddress,
  ownName,
  path,
  servedAt,
  switched,
  text,
} from '../keys.ts';
import { issuerList, preferredChain } from './acme.ts';
import { challengeDraft, configurableChallenges } from './challenge.ts';
import { maintenanceWindows, renewBeforeDays } from './renewal.ts';

const wantedTypes = 'write one type or two: ["ec-p256", "rsa-2048"]';
const modeWanted = 'write a mode in quotes, such as "0640", without permissions for other users';

const deploy = z
  .strictObject(
    {
      directory: path(
        'Folder for fullchain.pem, privkey.pem, cert.pem and chain.pem; a second key has fullchain-rsa.pem, or -ec, and so on.',
      ).optional(),
      cert_path: path('File for the certificate without its chain.').optional(),
      fullchain_path: path('File for the certificate with its chain.').optional(),
      chain_path: path('File for the chain without the certificate.').optional(),
      key_path: path('File for the private key.').optional(),
      second_cert_path: path('As cert_path, for the second of key_types.').optional(),
      second_fullchain_path: path('As fullchain_path, for the second of key_types.').optional(),
      second_chain_path: path('As chain_path, for the second of key_types.').optional(),
      second_key_path: path('As key_path, for the second of key_types.').optional(),
      format: choice(
        bundleFormatNames,
        'Format of the file at path; of two key_types, it has the first.',
      ).optional(),
      path: path('File in the format of format.').optional(),
      passphrase_file: path(
        'File with the passphrase that encrypts path; only its owner may read it.',
      ).optional(),
      passphrase_env: z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'write the name of an environment variable')
        .optional()
        .meta({ description: 'Environment variable with the passphrase that encrypts path.' }),
      owner: text('User that the files belong to.').optional(),
      group: text('Group that the files belong to.').optional(),
      mode: z
        .string({ error: modeWanted })
        .regex(/^0?[0-7][0-7]0$/, modeWanted)
        .optional()
        .meta({ description: "Mode of the private key's file; 0600 by default." }),
    },
    { error: 'write a table: { directory = "/path" }' },
  )
  .refine(
    (entry) =>
      [
        entry.directory,
        entry.cert_path,
        entry.fullchain_path,
        entry.chain_path,
        entry.key_path,
        entry.path,
      ].some((path) => path !== undefined),
    'write directory, or one of cert_path, fullchain_path, chain_path, key_path and path',
  )
  .refine(
    ({ format, path }) => (format === undefined) === (path === undefined),
    'write both format and path: the format is that of the file at path',
  )
  .refine(
    ({ format, ...entry }) =>
      (entry.passphrase_file ?? entry.passphrase_env) === undefined
        ? format === undefined || bundleFormats[format].passphrase !== 'required'
        : format !== undefined && bundleFormats[format].passphrase !== 'none',
    'write passphrase_file or passphrase_env for a format that is encrypted, and for no other',
  );

function labels() {
  return z
    .record(
      z
        .string()
        .regex(/^[\w./-]{1,63}$/, "write a label's name with 1 to 63 letters, digits and _ . / -"),
      z.string({ error: 'write text' }),
    )
    .default({})
    .meta({ description: 'Labels to find the certificate by.' });
}

function hooks() {
  return z
    .strictObject({
      deploy: argv('Runs for every new certificate instead of renewal.hooks.deploy.').optional(),
      after: argv(
        'Runs once after a run, however many certificates have the same program.',
      ).optional(),
    })
    .prefault({});
}

/** `[[certificates]]`: the certificates to obtain and renew. */
export function certificatesTable() {
  return list(
    z.strictObject({
      names: list(certifiedName(), 'Domain names and addresses.').min(
        1,
        'write at least one name: ["example.com"]',
      ),
      issuer: ownName('One of issuers; acme.issuers by default.').optional(),
      issuers: issuerList(
        'Several issuers in place of issuer, in the order in which they are used: the next one issues where one does not work or refuses the certificate.',
      ).optional(),
      ...privateKey(),
      must_staple: switched(
        'Ask for a certificate that requires OCSP stapling; the CA must have OCSP.',
      ).default(false),
      profile: text("One of the CA's certificate profiles; the issuer's by default.").optional(),
      preferred_chain: preferredChain("; the issuer's by default").optional(),
      challenge: choice(
        configurableChallenges,
        'The challenge type that validates the names; challenge.challenge_type by default.',
      ).optional(),
      challenge_draft: challengeDraft(
        'The draft version that the CA follows, for a challenge that is not an RFC yet; challenge.challenge_draft by default.',
      ).optional(),
      dns_provider: ownName(
        'One of challenge.dns01.providers; challenge.dns01.provider by default.',
      ).optional(),
      renew_before_days: renewBeforeDays().optional(),
      maintenance_windows: maintenanceWindows(
        'The windows in which it is renewed; renewal.maintenance_windows by default. "00:00-24:00" is at any time.',
      ).optional(),
      allow_subset_of_names: switched(
        'Leave out names that are not validated again and again, so that the rest is renewed; they are tried again each week at least.',
      ).default(false),
      deploy: list(deploy, 'The files to write.').default([]),
      deploy_to: list(
        ownName('One of deploy.'),
        'The deploy targets that get the certificate.',
      ).default([]),
      hooks: hooks(),
      labels: labels(),
      probe: listenAddress(
        'HOST:PORT of a server that must serve the new certificate after deployment.',
      ).optional(),
      served_at: list(
        servedAt(),
        'Servers that serve the certificate: they are checked every 15 minutes, as probe is, and an alarm is raised where one serves a different certificate.',
      ).default([]),
    }),
    'The certificates to obtain and renew.',
  ).default([]);
}

/** The keys that choose the private key of a certificate. */
function privateKey() {
  return {
    key_type: choice(keyTypes, 'Type of the private key.').default('ec-p256'),
    key_types: list(
      choice(keyTypes, 'Type of a private key.'),
      'An EC type and an RSA type in place of key_type: the certificate then has two keys, which are issued, renewed, deployed and revoked together.',
    )
      .min(1, wantedTypes)
      .max(2, wantedTypes)
      .optional(),
    key: keyReference(
      'URI of a key in a device, such as pkcs11:token=web;object=www, which signs the request and is never deployed; by default a key is created.',
    ).optional(),
    reuse_key: switched('Keep the private key when the certificate is renewed.').default(false),
  };
}
