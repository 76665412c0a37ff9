export { clockFindings, readCa, type SeenCa } from './ca.ts';
export { type CaaCheckOptions, type CaaSubject, checkCaaRecords } from './caa.ts';
export { CheckError, type CheckErrorCode, checkErrors, type Severity } from './errors.ts';
export { type AddressesOfName, type Reach } from './addresses.ts';
export { checkFileAccess, type FileAccess, type FileAccessOptions } from './file-access.ts';
export { type Finding, finding, findingOf, type Observation } from './finding.ts';
export { portHolder } from './port-holder.ts';
export { profileFindings, type ProfileQuestion } from './profile.ts';
export {
  type Check,
  type CheckKind,
  checkKinds,
  type CheckResult,
  runChecks,
  type RunChecksOptions,
} from './run-checks.ts';
export { type CaPorts, checkHttp01, type Http01Subject, type PortCheckOptions } from './http.ts';
export { checkTlsAlpn01, type TlsAlpn01Subject } from './tls-alpn.ts';
export { tryRecord, type WrittenRecordOptions } from './written-record.ts';
export {
  checkDnssec,
  checkNameServers,
  checkRecordPlace,
  type RecordPlace,
  type ZoneCheckOptions,
} from './zone.ts';
