// A program for the web's own fetch and WebCrypto: with the types of a browser, a worker or Deno,
// and none of Node's.
import { AcmeClient, type ChallengeSolver, type IssuedChain } from '@acmex/client';
import { identifiers } from '@acmex/identifier';
import { acmeSession, type Fetch, generateAccountKey, newAccount } from '@acmex/protocol';

export async function issue(
  directory: string,
  solver: ChallengeSolver,
  csr: Uint8Array,
  signal: AbortSignal,
): Promise<IssuedChain> {
  const uncached: Fetch = (url, request) => fetch(url, { ...request, cache: 'no-store' });
  const session = acmeSession({
    directory,
    key: (await generateAccountKey()).key,
    fetch: uncached,
  });
  await newAccount(session, { termsOfServiceAgreed: true }, { signal });
  return await new AcmeClient({ session, solvers: [solver] }).issue(
    { identifiers: identifiers(['example.com']), csr },
    { signal },
  );
}
