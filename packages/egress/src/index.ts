export { type AddressPolicy, addressPolicy, type AddressPolicyOptions } from './address-policy.ts';
export { type Connection, type ConnectOptions, type Egress, egressConnect } from './connect.ts';
export { EgressError, type EgressErrorCode, egressErrors } from './errors.ts';
export { secured, type Trust } from './exchange.ts';
export {
  type EgressAnswer,
  type EgressHead,
  type EgressFetch,
  egressFetch,
  type EgressFetchOptions,
  type EgressRequest,
  type Hop,
} from './fetch.ts';
export { dnsResolver, type DnsResolverOptions, type Resolve, systemResolver } from './resolver.ts';
