import { challengeTypes } from '@acmex/protocol';
import { dnsAccountDrafts, dnsPersistDrafts, draftChallengeTypes } from '@acmex/protocol/drafts';
import { z } from 'zod';
import type { CredentialKey } from '../credential.ts';
import { dnsProviderEntry } from '../dns/entry.ts';
import { choice, list, listenAddress, ownName, path, seconds, text } from '../keys.ts';

/** Every challenge type that the configuration can name. */
export const configurableChallenges = [...challengeTypes, ...draftChallengeTypes] as const;

/** The versions of those that are no RFC yet. */
export const challengeDrafts = {
  'dns-account-01': dnsAccountDrafts,
  'dns-persist-01': dnsPersistDrafts,
} as const;

export function challengeDraft(meaning: string) {
  return choice([...dnsAccountDrafts, ...dnsPersistDrafts], meaning);
}

/** `[challenge]`: how control of names is proved. */
export function challengeTable(secret: CredentialKey) {
  return z.strictObject({
    challenge_type: choice(
      configurableChallenges,
      'How control of names is proved where a certificate says nothing else.',
    ).default('http-01'),
    challenge_draft: challengeDraft(
      'The version that the CA follows, for dns-account-01 and dns-persist-01, which are no RFC yet.',
    ).optional(),
    http01: z
      .strictObject({
        listen_addr: listenAddress('Where http-01 is answered; CAs ask on port 80.').default(
          '[::]:80',
        ),
        webroot: path('Folder of a web server that answers in its place.').optional(),
      })
      .prefault({}),
    dns01: z
      .strictObject({
        provider: ownName(
          'Who writes the records that are in no zone of another: the name of one of providers, or a type that needs api_token alone.',
        ).optional(),
        api_token: secret('Credential of provider, where that is a type.').optional(),
        providers: list(dnsProviderEntry(secret), 'Those who can write records.').default([]),
        propagation_timeout_secs: seconds(
          'How long records may take until every server shows them.',
          1,
          86_400,
        ).default(300),
        resolvers: list(
          text('HOST or HOST:PORT.', 'write HOST or HOST:PORT'),
          'DNS servers that are asked, in place of the authoritative ones.',
        ).default([]),
      })
      .prefault({}),
    tls_alpn: z
      .strictObject({
        listen_addr: listenAddress('Where tls-alpn-01 is answered; CAs ask on port 443.').default(
          '[::]:443',
        ),
      })
      .prefault({}),
  });
}
