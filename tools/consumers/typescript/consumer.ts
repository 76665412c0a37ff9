// A user's TypeScript, checked as strictly as possible, including the packages' declarations.
import type { Identifier } from '@acmex/identifier';
import { CertificateError, createCsr, type PrivateKey, verifyIssued } from '@acmex/certificate';
import { dns01, type Dns01Response } from '@acmex/challenge/dns-01';
import { http01Handler } from '@acmex/challenge/http-01';
import { tlsAlpn01 } from '@acmex/challenge/tls-alpn-01';
import { AcmeClient, type ChallengeSolver, type IssuanceState } from '@acmex/client';
import { identifiers } from '@acmex/identifier';
import {
  AcmeError,
  type AcmeErrorCode,
  acmeSession,
  type Fetch,
  generateAccountKey,
} from '@acmex/protocol';
import { nodeFetch } from '@acmex/protocol/node';

const solver: ChallengeSolver<{ token: string }> = {
  type: 'http-01',
  supports: (identifier, wildcard) => identifier.type === 'dns' && !wildcard,
  respond: async ({ token }) => ({ token }),
  present: async ({ token }) => console.log(token.length),
  visible: async (_, options) => options?.signal?.throwIfAborted(),
  remove: async ({ token }) => console.log(token),
};

export function byDns(
  provider: Parameters<typeof dns01>[0]['provider'],
): ChallengeSolver<Dns01Response> {
  return dns01({
    provider,
    propagation: { check: 'resolvers', servers: ['9.9.9.9'] },
    limit: { minutes: 1 },
  });
}

export async function issue(
  directory: string,
  key: PrivateKey,
  state?: IssuanceState,
): Promise<string> {
  const wanted = identifiers(['example.com']);
  const sameNames: readonly Identifier[] = wanted;
  const fetches: readonly Fetch[] = [fetch, nodeFetch({ ca: 'PEM' })];
  const session = acmeSession({
    directory,
    key: (await generateAccountKey()).key,
    ...(fetches[0] ? { fetch: fetches[0] } : {}),
  });
  const client = new AcmeClient({
    session,
    solvers: [solver, http01Handler(), tlsAlpn01({ port: 443 })],
  });
  try {
    const { pem } = await client.issue(
      { identifiers: sameNames, csr: () => createCsr({ identifiers: sameNames, key }) },
      { state },
    );
    return (
      await verifyIssued(pem, { identifiers: wanted, publicKey: key.publicKey })
    ).leaf.notAfter.toString();
  } catch (error) {
    if (error instanceof CertificateError) return error.code satisfies `ERR_${string}`;
    const code: AcmeErrorCode | undefined = error instanceof AcmeError ? error.code : undefined;
    return code ?? 'unknown';
  }
}

// @ts-expect-error a provider is needed
dns01({});
