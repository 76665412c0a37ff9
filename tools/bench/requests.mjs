// How many requests and connections a certificate takes, counted by a proxy.
import { namesOf } from './prepare.mjs';
import { behindProxy } from './proxy.mjs';

export const title = 'Requests';
const sizes = [1, 10, 100];
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
const peer = 'acme-client 5.4.0';
/** `least`: newNonce, newOrder, one order, finalize and certificate, and what each name takes. */
const beginnings = {
  'a new account': { count: fresh, least: (n) => 2 * n + 7, goal: (n) => 2 * n + 9, peer: true },
  'a known account': { count: known, least: (n) => 2 * n + 5, goal: (n) => 2 * n + 7 },
  'a known account, names already validated': { count: again, least: () => 5, goal: () => 6 },
};
/** One sentence for each row of connections. */
const left = Object.fromEntries(
  ['a new account', 'a known account', 'a known account, names already validated'].flatMap(
    (begins) =>
      ['1 name', '10 names', '100 names'].map((names) => [
        `${names}, ${begins}, connections`,
        'HTTP/2, which would need one connection, is not built.',
      ]),
  ),
);

export async function measure(bench) {
  const rows = [];
  const table = [['names', 'begins with', 'client', 'requests', 'connections', ...kinds]];
  const add = (n, from, client, { requests, total, connections }) =>
    table.push([n, from, client, total, connections, ...kinds.map((kind) => requests[kind] ?? 0)]);
  for (const [from, beginning] of Object.entries(beginnings))
    for (const n of sizes) {
      const ours = await beginning.count(bench, 'acmex', namesOf(n));
      const theirs = beginning.peer && (await beginning.count(bench, 'acme-client', namesOf(n)));
      add(n, from, 'AcmeX', ours);
      if (theirs) add(n, from, peer, theirs);
      rows.push(...rowsOf({ n, from, beginning, ours, theirs }));
    }
  return {
    title,
    text: `A process that has just started, with nothing remembered but the account where it says so. The limit is what RFC 8555 needs: directory and newAccount for a new account; newNonce, newOrder, an authorization and a challenge for each name that is not validated, one look at the order, finalize and certificate. The proxy offers HTTP/2.`,
    rows,
    tables: [table],
    left,
  };
}

function rowsOf({ n, from, beginning, ours, theirs }) {
  const what = `${n} name${n === 1 ? '' : 's'}, ${from}`;
  const standard = (figure) => theirs && { name: peer, figures: [theirs[figure]] };
  return [
    {
      figure: what,
      unit: 'requests',
      ours: [ours.total],
      peer: standard('total'),
      limit: { name: 'RFC 8555', figures: [beginning.least(n)] },
      goals: [{ atMost: beginning.goal(n) }],
    },
    {
      figure: `${what}, connections`,
      ours: [ours.connections],
      peer: standard('connections'),
      limit: { name: 'HTTP/2', figures: [1] },
      goals: [{ atMost: 1 }],
    },
  ];
}

async function fresh(bench, client, names) {
  return await behindProxy(bench, {}, async (proxy, ca) => {
    await bench.run({ client, ...ca, names });
    return proxy.counted();
  });
}

async function known(bench, client, names) {
  return await behindProxy(bench, {}, async (proxy, ca) =>
    afterwards(bench, { client, ...ca, names }, { proxy, before: namesOf(1, 'before') }),
  );
}

async function again(bench, client, names) {
  return await behindProxy(bench, { authorizationReuse: 100 }, async (proxy, ca) =>
    afterwards(bench, { client, ...ca, names }, { proxy, before: names }),
  );
}

/** What an issuance takes in a new process, with the account of one before it. */
async function afterwards(bench, task, { proxy, before }) {
  const { account, accountKey } = await bench.run({ ...task, names: before });
  proxy.reset();
  await bench.run({ ...task, account, accountKey });
  return proxy.counted();
}
