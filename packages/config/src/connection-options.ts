import type { Network } from '@acmex/protocol/node';

/** Returns the ways in which a factory sends requests: a fetch, or the agent of an SDK. */
export function connectionOptions(network: Network | undefined): Readonly<Record<string, unknown>> {
  if (!network) return {};
  return { fetch: network.webFetch, requestHandler: { httpsAgent: network.httpsAgent } };
}
