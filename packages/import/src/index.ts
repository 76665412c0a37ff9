export {
  type ClientAccount,
  type ClientCa,
  type ClientCertificate,
  type ClientChallenge,
  type ClientDeployStep,
  type ClientDirectory,
  type ClientFailure,
  type ClientName,
  clientNames,
  type Omission,
} from './client-directory.ts';
export { readDeployedFiles } from './deployed-files.ts';
export { ImportError, type ImportErrorCode, importErrors } from './errors.ts';
export { readClientDirectory } from './read-client-directory.ts';
