import { generateAccountKey, memoryDirectories, newAccount } from '@acmex/protocol';
import { issue, type ServedCa, servedCa, sessionAt } from './served-ca.testing.ts';
import type { Costs } from './limits.testing.ts';

const namesOf = (count: number) => Array.from({ length: count }, (_, n) => `name-${n}.test`);

/** Counts the requests of issuances, and what the CA reads and writes for them. */
export async function issuanceCosts(): Promise<Costs> {
  const costs: Record<string, Costs[string]> = {};
  for (const count of [1, 10]) {
    const names = count === 1 ? '1 name' : `${count} names`;
    Object.assign(costs, await costsFor(names, namesOf(count)));
  }
  return costs;
}

async function costsFor(title: string, names: readonly string[]): Promise<Costs> {
  await using ca = await servedCa();
  const { key } = await generateAccountKey();
  const directories = memoryDirectories();
  const issued = async (account: string | undefined, wanted = names) => {
    const known = account ? { account } : {};
    const session = await sessionAt(ca, { key, directories, ...known });
    const { url } = account ? { url: account } : await newAccount(session, {});
    ca.storage.take();
    await issue(session, wanted);
    await ca.server.idle();
    return url;
  };
  const account = await issued(undefined);
  const fresh = taken(ca);
  await issued(
    account,
    names.map((name) => `new-${name}`),
  );
  const known = taken(ca);
  await issued(account);
  const valid = taken(ca);
  return {
    [`requests, ${title}, a new account`]: fresh.requests,
    [`requests, ${title}, a known account`]: known.requests,
    [`requests, ${title}, names that are valid already`]: valid.requests,
    [`storage of the CA, an order of ${title}`]: known.storage,
  };
}

function taken(ca: ServedCa) {
  return { requests: ca.takeRequests(), storage: ca.storage.take() };
}
