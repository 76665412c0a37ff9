import { parseListenAddress } from '@acmex/identifier';
import { resolve } from 'node:path';
import { dnsVariablesRecord } from '@acmex/config';
import type { ChallengeConfig } from '@acmex/manager';
import type { ObtainOptions } from './options.ts';

/**
 * Returns how names are validated, in a form that a renewal in another folder and environment can
 * use.
 */
export function challengeFromFlags(
  options: ObtainOptions,
  environment: NodeJS.ProcessEnv,
): ChallengeConfig {
  const { configuration: config, dnsProvider, webroot } = options;
  const { http01, tls_alpn: tls } = config.values.challenge;
  return {
    challenge: options.challenge,
    challengeDraft: options.challengeDraft,
    httpPort: options.httpPort,
    httpHost: options.httpAddress ?? parseListenAddress(http01.listen_addr).host,
    webroot: webroot === undefined ? undefined : resolve(webroot),
    tlsPort: options.tlsPort,
    tlsHost: options.tlsAddress ?? parseListenAddress(tls.listen_addr).host,
    dnsProvider,
    dnsVariables: dnsVariablesRecord(dnsProvider, { config, environment }),
    dnsEnv: options.dnsEnv,
    dnsResolver: options.dnsResolver,
    propagationWait: options.propagationWait,
  };
}
