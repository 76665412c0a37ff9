// How many requests a certificate takes, counted by a proxy.
import { namesOf } from './prepare.mjs';
import { behindProxy } from './proxy.mjs';

export const title = 'Requests';
const sizes = [1, 10, 100];
/** AcmeClient's own default: how many names are worked on at once. */
const lanes = 8;
const kinds = [
  'directory',
  'newNonce',
  'newAccount',
  'newOrder',
  'authorization',
  'challenge',
  'order',
  'finalize',
  'certificate',
];

export async function measure(bench) {
  const rows = [];
  const table = [['names', 'begins with', 'requests', 'connections', ...kinds]];
  const add = (n, from, limit, { requests, total, connections }) => {
    rows.push({
      promise: `${n} name${n === 1 ? '' : 's'}, ${from}`,
      limit: `${limit} requests`,
      figure: `${total} requests`,
      met: total <= limit,
    });
    table.push([n, from, total, connections, ...kinds.map((kind) => requests[kind] ?? 0)]);
  };
  for (const n of sizes)
    add(
      n,
      'a new account',
      2 * n + 10 + Math.min(n, lanes) - 1,
      await behindProxy(bench, {}, (proxy, ca) => fresh(bench, proxy, ca, namesOf(n))),
    );
  for (const n of sizes)
    add(
      n,
      'a known account, names already validated',
      6,
      await behindProxy(bench, { authorizationReuse: 100 }, (proxy, ca) =>
        again(bench, proxy, ca, namesOf(n)),
      ),
    );
  return {
    title,
    text: `A process that has just started, with nothing remembered but the account where it says so. The limit for a new account is 2 n + 10, and one newNonce for each further name that is worked on at once (${lanes} at most by default).`,
    rows,
    tables: [table],
  };
}

async function fresh(bench, proxy, ca, names) {
  await bench.run({ client: 'acmex', ...ca, names });
  return proxy.counted();
}

async function again(bench, proxy, ca, names) {
  const { account, accountKey } = await bench.run({ client: 'acmex', ...ca, names });
  proxy.reset();
  await bench.run({ client: 'acmex', ...ca, names, account, accountKey });
  return proxy.counted();
}
