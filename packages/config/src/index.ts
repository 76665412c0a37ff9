export { credentialInFile } from './credential-file.ts';
export {
  openDeployTarget,
  type OpenDeployTargetOptions,
  type OpenedDeployTarget,
} from './deploy/open.ts';
export {
  type DeployOptionValue,
  type DeployProbe,
  type DeployTargetDescription,
  deployTargetKinds,
  type DeployTargetKind,
  type DeployTargetOption,
  deployTargetTypes,
} from './deploy/target.ts';
export {
  dnsVariablesRecord,
  type DnsVariablesRecord,
  type NamedDnsProviderOptions,
  openDnsProvider,
  type OpenDnsProviderOptions,
  openNamedDnsProvider,
} from './dns/open.ts';
export {
  type DnsChoice,
  type DnsOptionValue,
  type DnsProviderDescription,
  dnsProviderFor,
  type DnsProviderKind,
  dnsProviderKinds,
  type DnsProviderOption,
  dnsProvidersOf,
  isAttendedDnsProvider,
  dnsProviderTypeOf,
  dnsProviderTypes,
} from './dns/provider.ts';
export {
  ConfigError,
  type ConfigErrorCode,
  type ConfigErrorOptions,
  configErrors,
} from './errors.ts';
export type { ConfigRow } from './config-row.ts';
export { explain } from './explain.ts';
export { type Fault, faultText } from './fault.ts';
export { findConfig, type Places } from './find-config.ts';
export { type IssuerDescription, issuersNamed, issuersOf } from './issuers.ts';
export { explainProxyVariables, openNetwork, type OpenNetworkOptions } from './network.ts';
export { type KeyPath, valueAt } from './settings.ts';
export {
  keysOf,
  openDriver,
  openStorage,
  type OpenStorageOptions,
  redisPlace,
} from './open-storage.ts';
export { type Origin, originText } from './fault.ts';
export type { Override } from './overridden.ts';
export {
  checkConfig,
  type Config,
  type ConfigCheck,
  type ConfigValues,
  readConfig,
  type ReadConfigOptions,
} from './read-config.ts';
export { configReference } from './reference.ts';
export { configSchema, type JsonSchema } from './schema.ts';
export { Secret, secretsIn } from './secret.ts';
export { parseServedAt, type ServedAt, servedProtocols } from './served-place.ts';
export {
  type RedisDescription,
  redisOf,
  type StorageDescription,
  type StorageEncryption,
  storageOf,
  type StoragePlace,
  storagePlace,
} from './storage-description.ts';
export type { Environment } from './substitution.ts';
export { assertTrusted } from './trusted-file.ts';
export {
  type WellKnownIssuer,
  type WellKnownIssuerName,
  wellKnownIssuers,
} from './well-known-issuers.ts';
export {
  apiKeyWeakness,
  weakCredentials,
  type Weakness,
  webhookSecretWeakness,
} from './weak-credentials.ts';
export { exposedCredentials } from './exposed-credentials.ts';
export { parseSyslogUrl, type SyslogServer, type SyslogTransport } from './syslog-url.ts';
export { checkpointDestinationNames } from './checkpoint-destination-names.ts';
