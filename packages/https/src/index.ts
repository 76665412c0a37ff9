export { autocert, type Autocert, type AutocertEvents } from './autocert.ts';
export type { CertificateStatus } from './certificate-status.ts';
export { HttpsError, type HttpsErrorCode, httpsErrors } from './errors.ts';
export type { Listening } from './listen.ts';
export type { AllowRequest, OnDemandLimits } from './on-demand.ts';
export type { AuthorityOptions, AutocertOptions } from './options.ts';
