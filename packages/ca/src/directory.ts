import { persistMetaMembers } from '@acmex/protocol/drafts';
import { type Answer, json } from './answer.ts';
import type { Service } from './service.ts';

/** Where everything is, and what the CA says of itself. RFC 8555 §7.1.1 */
export function directory({
  urls,
  meta,
  externalAccountRequired,
  profiles,
  profilesNamed,
  drafts: { persist },
}: Service): Answer {
  return json(
    200,
    {
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
    },
    { headers: { 'cache-control': 'no-cache' } },
  );
}
