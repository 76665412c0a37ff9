import {
  createAuthority,
  createDevelopmentAuthority,
  loadAuthority,
  noLimits,
  saveAuthority,
} from '@acmex/ca';
import { disorderedChains, type Fault, withFaults } from '@acmex/ca/faults';
import { serveAcme } from '@acmex/ca/node';
import { memoryStorage, type Storage } from '@acmex/storage';

/** A CA in this process that validates every name. */
export interface OwnCa extends AsyncDisposable {
  readonly directory: string;
  /** PEM */
  readonly root: string;
  /** Removes its accounts, as a reset does. */
  loseAccounts(): Promise<void>;
}

export async function ownCa({
  arrange = (chain) => chain,
  faults = [],
  storage = memoryStorage(),
  name,
}: {
  /** Changes its chains. */
  readonly arrange?: (chain: readonly string[]) => readonly string[];
  readonly faults?: readonly Fault[];
  /** In memory by default. */
  readonly storage?: Storage;
  /** In the subjects of its certificates; that of a development CA by default. */
  readonly name?: string;
}): Promise<OwnCa> {
  const authority =
    name === undefined
      ? await createDevelopmentAuthority()
      : await createAuthority({ name, passphrase: 'of the tests', unconstrained: true });
  await saveAuthority(storage, authority);
  const { issuer, root } = await loadAuthority(storage, { kind: authority.kind });
  const server = await serveAcme({
    storage,
    issuer,
    validate: async () => ({ valid: true }),
    rateLimiter: noLimits(),
    onError: () => undefined,
    wrap: (handler) => withFaults(handler, [...faults, disorderedChains({ arrange })]),
  });
  return {
    directory: server.directory,
    root,
    async loseAccounts() {
      for await (const { key } of storage.list(''))
        if (/account/.test(key)) await storage.write([{ remove: key }]);
    },
    [Symbol.asyncDispose]: server[Symbol.asyncDispose],
  };
}
