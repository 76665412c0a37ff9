export { type Bundle, type BundleFiles, filesOf, folderName } from './bundle.ts';
export {
  type Deployed,
  deployFiles,
  type DirectoryTarget,
  type FileTarget,
  type Target,
} from './deploy-files.ts';
export { DeployError, type DeployErrorCode, deployErrors } from './errors.ts';
export { hookEnvironment } from './hook-environment.ts';
export { type HookOptions, runHook } from './hook.ts';
export { hooksIn } from './hooks-folder.ts';
export { fileAttributes, type Permissions } from './permissions.ts';
export { probe, type ProbeOptions, servedSerialNumber } from './probe.ts';
export { trustedProgram } from './program.ts';
