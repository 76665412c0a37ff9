export { DnsError, type DnsErrorCode, dnsErrors } from './errors.ts';
export { type LookUp, lookUp, type LookUpOptions } from './look-up.ts';
export { type Propagation, type PropagationOptions, recordVisible, type VisibleRecord } from './propagation.ts';
export { type DnsOptions, type DnsProvider, recordName, relativeName, type TxtRecord } from './provider.ts';
export { findZone, followAliases, type ZoneSearch } from './zone.ts';
