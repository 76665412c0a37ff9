export { toUnicode } from './a-label.ts';
export { isBelow, isCovered, isWildcard, withoutWildcard } from './domain-name.ts';
export {
  IdentifierError,
  type IdentifierErrorCode,
  identifierErrors,
  type NameFault,
} from './errors.ts';
export {
  checkedIdentifier,
  compareIdentifiers,
  type Identifier,
  identifier,
  identifiers,
  isDomainName,
  namePattern,
  normalizedIdentifier,
  type ParseOptions,
} from './identifier.ts';
export {
  formatHostPort,
  type HostPort,
  type HostPortOptions,
  parseListenAddress,
  parseHostPort,
  urlHost,
} from './host-port.ts';
export { ipVersion, isLoopback, networkOf } from './ip-address.ts';
export { dnsRecord, type NameRule, privateCa, publicCa } from './rules.ts';
export { checkServerUrl, type ServerUrlFault } from './server-url.ts';
