export {
  type Agent,
  type AgentOptions,
  type AgentWatch,
  openAgent,
  type UpdateResult,
} from './agent.ts';
export { assertNoneMissing, type AvailableCertificate } from './available-certificates.ts';
export type { AgentTracing, DeploymentStatus } from './deployments.ts';
export { AgentError, type AgentErrorCode, agentErrors, ApiError } from './errors.ts';
export type { AgentLog } from './log.ts';
