export { type Bundle, type BundleFiles, filesOf, folderName, type SecondBundle } from './bundle.ts';
export {
  type CertificateFile,
  certificateFiles,
  type FilePaths,
  pathsFor,
  secondPath,
} from './certificate-files.ts';
export { checkTarget } from './check-target.ts';
export { deployFiles, type FileTarget, type Target } from './deploy-files.ts';
export type { Deployed, DirectoryTarget } from './directory.ts';
export { DeployError, type DeployErrorCode, deployErrors } from './errors.ts';
export {
  type FilePlace,
  filesTarget,
  type FilesTargetOptions,
  type PlacedFile,
} from './files-target.ts';
export type { FormatTarget, PassphraseSources } from './format.ts';
export { hookEnvironment } from './hook-environment.ts';
export { type HookOptions, runHook } from './hook.ts';
export { hooksIn } from './hooks-folder.ts';
export {
  type FoundImport,
  type ImportPlace,
  importingTarget,
  type KnownImport,
} from './importing-target.ts';
export { localFiles } from './local-files.ts';
export { fileAttributes, type Permissions } from './permissions.ts';
export { probe, type ProbeOptions, servedSerialNumber } from './probe.ts';
export { trustedProgram } from './program.ts';
export {
  type CertificatePlace,
  type PlacedValue,
  placePath,
  replacingTarget,
  serialNumberIn,
} from './replacing-target.ts';
export type {
  CompleteBundle,
  DeployTarget,
  Restored,
  StagedCertificate,
  StageOptions,
  TargetCallOptions,
  TargetMemory,
} from './target.ts';
export {
  type TargetAnswer,
  targetApi,
  type TargetApi,
  type TargetApiOptions,
  type TargetRequest,
} from './target-api.ts';
export { readCredential, type TargetRefusal, throwCredentialFailure } from './target-failure.ts';
export { type SdkCall, targetSdk, type TargetSdk, type TargetSdkOptions } from './target-sdk.ts';
export { deployToTarget, type TransactionOptions } from './transaction.ts';
