export { LocalCaError, type LocalCaErrorCode, localCaErrors } from './errors.ts';
export {
  localCa,
  type LocalCa,
  type LocalCaOptions,
  type LocalCertificate,
  storedLocalCa,
} from './local-ca.ts';
