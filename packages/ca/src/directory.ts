import { createHash } from 'node:crypto';
import { persistMetaMembers } from '@acmex/protocol/drafts';
import { type Answer, json } from './answer.ts';
import type { Service } from './service.ts';

/** How many seconds a client may use it without asking again. */
const freshFor = 3600;

/** Where everything is, and what the CA says of itself. RFC 8555 §7.1.1 */
export function directory({
  urls,
  meta,
  externalAccountRequired,
  profiles,
  profilesNamed,
  drafts: { persist },
}: Service): Answer {
  const answer = json(200, {
    newNonce: urls.of('/new-nonce'),
    newAccount: urls.of('/new-account'),
    newOrder: urls.of('/new-order'),
    newAuthz: urls.of('/new-authz'),
    revokeCert: urls.of('/revoke-cert'),
    keyChange: urls.of('/key-change'),
    renewalInfo: urls.of('/renewal-info'),
    meta: {
      termsOfService: meta.termsOfService,
      website: meta.website,
      caaIdentities: meta.caaIdentities,
      externalAccountRequired,
      subdomainAuthAllowed: true,
      ...(persist ? persistMetaMembers(persist.draft, persist) : {}),
      ...(profilesNamed
        ? {
            profiles: Object.fromEntries(
              [...profiles.values()].map(({ name, description }) => [name, description]),
            ),
          }
        : {}),
    },
  });
  const etag = `"${createHash('sha256').update(answer.body).digest('base64url')}"`;
  return {
    ...answer,
    headers: { ...answer.headers, etag, 'cache-control': `max-age=${freshFor}` },
  };
}
