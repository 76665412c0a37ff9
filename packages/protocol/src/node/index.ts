export { type NodeFetch, nodeFetch, type NodeFetchOptions, webFetch } from './fetch.ts';
export { type Network, network, type NetworkOptions } from './network.ts';
export {
  noProxyEntries,
  type Proxy,
  type ProxyReading,
  proxySelector,
  type ProxySelector,
  type ProxySettings,
  readProxy,
} from './proxy.ts';
export { extraRoots, systemRoots, type SystemRootsOptions } from './trusted-roots.ts';
