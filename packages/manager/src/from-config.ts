export type { CheckpointDestinationOptions } from './checkpoint-destinations.ts';
export { configuredAudit, type ConfiguredAuditOptions } from './configured-audit.ts';
export {
  challengeDefaults,
  configuredDnsProviders,
  type ConfiguredDnsProvidersOptions,
  type ConfiguredManager,
  fromConfig,
  type FromConfigOptions,
  resolvedIssuer,
} from './configured-manager.ts';
export { templateFaults } from './configured-notifier.ts';
export {
  type DeclaredChange,
  type DeclaredDifference,
  declaredDifference,
  declaredSpecs,
  reconcileDeclared,
  type Reconciliation,
} from './declared.ts';
export type { Heartbeat, HeartbeatOptions } from './configured-heartbeat.ts';
