export { TrustStoresError, type TrustStoresErrorCode, trustStoresErrors } from './errors.ts';
export { trustStores, type TrustStoresOptions } from './find-stores.ts';
export { javaStore, type JavaStoreOptions } from './java-store.ts';
export {
  type LinuxLayout,
  linuxLayouts,
  linuxStore,
  type LinuxStoreOptions,
} from './linux-store.ts';
export { macosStore, type MacosStoreOptions } from './macos-store.ts';
export { nssStore, type NssStoreOptions } from './nss-store.ts';
export {
  type ProgramResult,
  type Programs,
  systemPrograms,
  type SystemProgramsOptions,
} from './programs.ts';
export { rootCertificate, type RootCertificate } from './root-certificate.ts';
export {
  type Change,
  changeStore,
  commandsOf,
  type Inspection,
  type Step,
  storeKinds,
  type StoreKind,
  type TrustStore,
  unavailableStore,
} from './trust-store.ts';
export { windowsStore, type WindowsStoreOptions } from './windows-store.ts';
