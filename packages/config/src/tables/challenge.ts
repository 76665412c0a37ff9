import { challengeTypes } from '@acmex/protocol';
import { dnsAccountDrafts, dnsPersistDrafts, draftChallengeTypes } from '@acmex/protocol/drafts';
import * as z from 'zod';
import type { CredentialKey } from '../credential.ts';
import { dnsProviderEntry } from '../dns/provider.ts';
import { choice, list, listenAddress, ownName, path, seconds, text } from '../keys.ts';

/** Every challenge type that the configuration can name. */
export const configurableChallenges = [...challengeTypes, ...draftChallengeTypes] as const;

/** The draft versions of the challenges that are not RFCs yet. */
export const challengeDrafts = {
  'dns-account-01': dnsAccountDrafts,
  'dns-persist-01': dnsPersistDrafts,
} as const;

export function challengeDraft(meaning: string) {
  return choice([...dnsAccountDrafts, ...dnsPersistDrafts], meaning);
}

/** `[challenge]`: how control of names is validated. */
export function challengeTable(secret: CredentialKey) {
  return z.strictObject({
    challenge_type: choice(
      configurableChallenges,
      'The default challenge type of certificates.',
    ).default('http-01'),
    challenge_draft: challengeDraft(
      'The draft version that the CA follows, for dns-account-01 and dns-persist-01, which are not RFCs yet.',
    ).optional(),
    http01: z
      .strictObject({
        listen_addr: listenAddress(
          'The address that serves http-01 responses; CAs connect to port 80.',
        ).default('[::]:80'),
        webroot: path(
          'Document root of a web server that serves the responses instead.',
        ).optional(),
      })
      .prefault({}),
    dns01: z
      .strictObject({
        provider: ownName(
          'The default DNS provider, for names in no zone of the providers: the name of one of providers, or a type that only needs api_token.',
        ).optional(),
        api_token: secret('Credential of provider, where provider is a type.').optional(),
        providers: list(dnsProviderEntry(secret), 'The DNS providers.').default([]),
        propagation_timeout_secs: seconds(
          'The longest time until every name server has a new record.',
          1,
          86_400,
        ).default(300),
        resolvers: list(
          text('HOST or HOST:PORT.', 'write HOST or HOST:PORT'),
          'DNS servers to query instead of the authoritative ones.',
        ).default([]),
      })
      .prefault({}),
    tls_alpn: z
      .strictObject({
        listen_addr: listenAddress(
          'The address that serves tls-alpn-01; CAs connect to port 443.',
        ).default('[::]:443'),
      })
      .prefault({}),
  });
}
