import { BaseCustomCertificates } from 'cloudflare/resources/custom-certificates/custom-certificates';
import { createClient } from 'cloudflare/tree-shakable';

/**
 * Cloudflare's SDK, of which the build bundles custom certificates into this file. All is given that
 * it would else take out of the environment; waiting and trying again is left to its caller.
 */
export function cloudflareSdk({
  token,
  fetch,
}: {
  readonly token: string;
  readonly fetch: typeof globalThis.fetch;
}) {
  return createClient({
    resources: [BaseCustomCertificates],
    baseURL: 'https://api.cloudflare.com/client/v4',
    apiToken: token,
    apiKey: null,
    apiEmail: null,
    userServiceKey: null,
    logLevel: 'off',
    maxRetries: 0,
    fetch,
  });
}
