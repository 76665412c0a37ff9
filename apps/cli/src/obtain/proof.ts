import { resolve } from 'node:path';
import { dnsVariablesRecord } from '@acmex/config';
import { addressOf, type ChallengeConfig } from '@acmex/manager';
import type { ObtainOptions } from './options.ts';

/** How names are proven, as flags and configuration say it, so that a renewal in another folder and another environment finds all of it. */
export function proofFrom(
  {
    challenge,
    challengeDraft,
    httpPort,
    webroot,
    tlsPort,
    dnsProvider,
    dnsEnv,
    dnsResolver,
    propagationWait,
    configuration: config,
  }: ObtainOptions,
  env: NodeJS.ProcessEnv,
): ChallengeConfig {
  const { http01, tls_alpn: tls } = config.values.challenge;
  return {
    challenge,
    challengeDraft,
    httpPort,
    httpHost: addressOf(http01.listen_addr).host,
    webroot: webroot === undefined ? undefined : resolve(webroot),
    tlsPort,
    tlsHost: addressOf(tls.listen_addr).host,
    dnsProvider,
    dnsVariables: dnsVariablesRecord(dnsProvider, { config, environment: env }),
    dnsEnv,
    dnsResolver,
    propagationWait,
  };
}
