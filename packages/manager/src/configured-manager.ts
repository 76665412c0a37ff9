import { parseListenAddress } from '@acmex/identifier';
import { readFile } from 'node:fs/promises';
import { certificatesPem } from '@acmex/certificate';
import {
  type Config,
  type ConfigValues,
  credentialInFile,
  dnsProviderFor,
  dnsProvidersOf,
  isAttendedDnsProvider,
  type IssuerDescription,
  issuersOf,
  type NamedDnsProviderOptions,
  openDeployTarget,
  openNamedDnsProvider,
  wellKnownIssuers,
} from '@acmex/config';
import { errorCode, errorText, systemFailureText } from '@acmex/errors';
import {
  type CertificateManager,
  certificateManager,
  type CertificateManagerOptions,
} from './certificate-manager.ts';
import type { DnsProvider } from '@acmex/dns';
import type { Notifier, NotifierOptions } from '@acmex/notifications';
import type { Network } from '@acmex/protocol/node';
import { configuredCrypto } from './crypto.ts';
import { configuredNotifier } from './configured-notifier.ts';
import {
  configuredHeartbeat,
  type Heartbeat,
  type HeartbeatOptions,
} from './configured-heartbeat.ts';
import type { ChallengeConfig } from './challenge-config.ts';
import { openedOnce } from './dns-by-name.ts';
import type { DeployTargets } from './deploy-targets.ts';
import type { DnsProviders } from './dns-providers.ts';
import { ManagerError } from './errors.ts';
import type { LimitSettings } from './issuer-budget.ts';
import { type Environment, type RunHooks, runHooks } from './hooks.ts';
import type { IssuerSettings } from './issuers.ts';
import { trustAnchorsIn } from './trust.ts';

export interface FromConfigOptions extends Omit<
  CertificateManagerOptions,
  | 'challenge'
  | 'dnsProviders'
  | 'renewBefore'
  | 'maintenanceWindows'
  | 'revocation'
  | 'environment'
  | 'notifier'
> {
  /** The tenant whose certificates these are; `default` by default. */
  readonly tenant?: string | undefined;
  /** An application passes `process.env`. */
  readonly environment: Environment;
  /** Shows a person which DNS records to write, for `manual`; absent where no person is present. */
  readonly prompt?: NamedDnsProviderOptions['prompt'];
  /** How CAs and the APIs of DNS hosts are reached; directly by default. See `openNetwork`. */
  readonly network?: Network | undefined;
  /** Called after each attempt to send a heartbeat. */
  readonly onHeartbeat?: HeartbeatOptions['onHeartbeat'];
  /** Called after each attempt to send a notification. */
  readonly onNotificationAttempt?: NotifierOptions['onAttempt'];
}

/** A manager of the certificates in a storage, with the configuration that describes it. */
export interface ConfiguredManager extends CertificateManager {
  readonly config: Config;
  readonly notifier: Notifier;
  /** Absent where `notifications.heartbeat_url` is. */
  readonly heartbeat: Heartbeat | undefined;
}

/** Creates the manager that a configuration describes. */
export function fromConfig(config: Config, options: FromConfigOptions): ConfiguredManager {
  const { environment, prompt, network, issuers = [] } = options;
  const {
    renew_before_days: days,
    maintenance_windows: maintenanceWindows,
    revocation,
  } = config.values.renewal;
  const notifier = configuredNotifier(config, {
    ...options,
    onAttempt: options.onNotificationAttempt,
  });
  const manager = certificateManager({
    ...options,
    notifier,
    passphraseIn: options.passphraseIn ?? credentialInFile,
    fetch: options.fetch ?? network?.fetch,
    issuers: [...issuers, ...issuersOf(config).map(resolvedIssuer)],
    challenge: challengeDefaults(config),
    dnsProviders: configuredDnsProviders(config, { environment, prompt, network }),
    deployTargets:
      options.deployTargets ??
      configuredDeployTargets(config, { environment, network, tenant: options.tenant }),
    crypto: options.crypto ?? configuredCrypto(config, environment),
    hooks: options.hooks ?? configuredHooks(config, environment),
    ...(days === undefined ? {} : { renewBefore: { days } }),
    maintenanceWindows,
    ...(revocation.check
      ? { revocation: { every: { hours: revocation.interval_hours }, allow: revocation.allow } }
      : {}),
  });
  return {
    ...manager,
    check: async (certificates, checkOptions) =>
      await manager.check(certificates, { isPublicCa, ...checkOptions }),
    config,
    notifier,
    heartbeat: configuredHeartbeat(config, options),
  };
}

/** Whether a directory is that of a public CA. */
function isPublicCa(directory: string): boolean {
  return Object.values(wellKnownIssuers).some((issuer) => issuer.directory === directory);
}

/** Returns how names are validated where a certificate's record says nothing. */
export function challengeDefaults({
  values: { challenge },
}: Pick<Config, 'values'>): ChallengeConfig {
  const { http01, tls_alpn: tlsAlpn, dns01 } = challenge;
  const http = parseListenAddress(http01.listen_addr);
  const tls = parseListenAddress(tlsAlpn.listen_addr);
  return {
    challenge: challenge.challenge_type,
    challengeDraft: challenge.challenge_draft,
    httpPort: http.port,
    httpHost: http.host,
    webroot: http01.webroot,
    tlsPort: tls.port,
    tlsHost: tls.host,
    dnsResolver: dns01.resolvers.length > 0 ? dns01.resolvers : undefined,
    propagationTimeout: dns01.propagation_timeout_secs,
  };
}

export interface ConfiguredDnsProvidersOptions {
  readonly environment: Environment;
  /** Shows a person which records to write, for `manual`; absent where no person is present. */
  readonly prompt?: NamedDnsProviderOptions['prompt'];
  /** How the APIs of DNS hosts are reached; directly by default. */
  readonly network?: Network | undefined;
}

/**
 * Returns the DNS providers of a configuration, and those that variables of the environment
 * describe. A provider of the configuration is opened once, so that all certificates share what it
 * knows of its zones.
 */
export function configuredDnsProviders(
  config: Pick<Config, 'values'>,
  { environment, prompt, network }: ConfiguredDnsProvidersOptions,
): DnsProviders {
  const shared = new Map<string, DnsProvider>();
  const described = dnsProvidersOf(config).map(({ name }) => name);
  return {
    default: config.values.challenge.dns01.provider,
    // Where a person is present, the provider asks.
    isAttended: (name) => prompt === undefined && isAttendedDnsProvider(name, config),
    choose: (domain, { provider, type }) =>
      dnsProviderFor(domain, { config, named: provider, type }),
    async open(name, { variables, environmentNames, credentials, lookUp }) {
      const opened = shared.get(name);
      if (opened) return opened;
      const provider = await openNamedDnsProvider(name, {
        config,
        environment: { ...credentials, ...environment },
        programs: environmentNames,
        recorded: variables,
        prompt,
        lookUp,
        network,
      });
      if (!described.includes(name)) return provider;
      // Another caller may have opened it in the meantime.
      const first = shared.get(name) ?? provider;
      shared.set(name, first);
      return first;
    },
  };
}

/**
 * Returns the deploy targets of a configuration; each is opened once. For a tenant with a storage of
 * its own, the error of an unknown name lists only those that the tenant may name.
 */
export function configuredDeployTargets(
  config: Pick<Config, 'values'>,
  {
    environment,
    network,
    tenant = 'default',
  }: Pick<FromConfigOptions, 'environment' | 'network' | 'tenant'>,
): DeployTargets {
  const { tenants } = config.values;
  const listed = tenant === 'default' ? undefined : (tenants[tenant]?.deploy_targets ?? []);
  return {
    open: openedOnce(
      async (name) => await openDeployTarget(name, { config, environment, network, listed }),
    ),
  };
}

function configuredHooks(config: Config, environment: Environment): RunHooks {
  const { on_error: onError, timeout_secs: seconds, ...programs } = config.values.renewal.hooks;
  return runHooks({ ...programs, onError, limit: { seconds } }, environment);
}

/** Returns the settings of an issuer of the configuration. */
export function resolvedIssuer(description: IssuerDescription): IssuerSettings {
  const { name, directory, title, accountName, contact, profile } = description;
  const { ca_certificate: file, external_account_binding: binding } = description;
  return {
    name,
    directory,
    title,
    accountName,
    contact,
    agreed: description.tos_agreed,
    preferredChain: description.preferred_chain,
    keyReference: description.account_key,
    profile,
    ...(binding ? { externalAccount: async () => await externalAccount(binding) } : {}),
    ...(file === undefined ? {} : { caCertificate: async () => await rootCertificate(file) }),
    trustAnchors: async () => await Promise.all(description.trust_anchors.map(trustAnchorsIn)),
    limits: description.limits && limitSettings(description.limits),
  };
}

type ConfiguredLimits = NonNullable<IssuerDescription['limits']>;

function limitSettings(configured: ConfiguredLimits): LimitSettings {
  const limits = {
    'new-orders': configured.new_orders,
    'certificates-per-domain': configured.certificates_per_domain,
    'certificates-per-name-set': configured.certificates_per_name_set,
    'failed-validations': configured.failed_validations,
  };
  const present = Object.entries(limits).flatMap(([name, limit]) =>
    limit ? [[name, { capacity: limit.count, periodMs: limit.period_secs * 1000 }] as const] : [],
  );
  return {
    ...(present.length > 0 ? { limits: Object.fromEntries(present) } : {}),
    maxNames: configured.names_per_certificate,
    maxIdentifierBytes: configured.identifier_bytes,
    exemptsRenewals: configured.exempt_renewals,
    renewalShare: configured.renewal_share_percent / 100,
  };
}

type ExternalAccountBinding = NonNullable<ConfigValues['acme']['external_account_binding']>;

async function externalAccount(binding: ExternalAccountBinding) {
  return { kid: binding.key_id, hmacKey: await binding.hmac_key.reveal() };
}

/** @throws ManagerError `ERR_MANAGER_ISSUER` */
async function rootCertificate(file: string): Promise<string> {
  try {
    return certificatesPem(await readFile(file));
  } catch (cause) {
    throw new ManagerError(
      'ERR_MANAGER_ISSUER',
      `cannot read the CA certificate ${file} (${systemFailureText(errorCode(cause) ?? '') ?? errorText(cause)}): check ca_certificate in acmex.toml`,
      { cause },
    );
  }
}
