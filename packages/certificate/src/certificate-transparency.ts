/** Signed certificate timestamps of Certificate Transparency, and the lists of logs. RFC 6962 */
export { type Log, type LogList, readLogList } from './certificate-transparency/log-list.ts';
export {
  readEmbeddedScts,
  readSctList,
  type SctEntry,
  type SignedCertificateTimestamp,
} from './certificate-transparency/signed-certificate-timestamp.ts';
export {
  type SctFault,
  type SctSource,
  type SctVerification,
  verifyScts,
  type VerifySctsOptions,
} from './certificate-transparency/verify-scts.ts';
