// What an issuance costs in processor time and wall time, beside npm acme-client and the barest loop.
import { byTurns, median, spread } from './figures.mjs';
import { inRounds } from './prepare.mjs';
import { withPebble } from './proxy.mjs';

export const title = 'Processor time';
const issuances = { 1: 60, 20: 120 };
const peer = 'acme-client 5.4.0';
const bare = 'the bare loop';
const node = 'AcmeX, @acmex/protocol/node';
/** `goals`: by how many issuances are under way at once. */
const clients = {
  [node]: {
    task: { client: 'acmex', fetch: 'node' },
    goals: {
      1: [
        { of: 'peer', atMost: 0.33 },
        { of: 'limit', atMost: 1.6 },
      ],
      20: [{ of: 'peer', atMost: 0.3 }],
    },
  },
  'AcmeX, plain fetch': {
    task: { client: 'acmex', fetch: 'global' },
    goals: { 1: [{ of: 'peer', atMost: 0.45 }], 20: [{ of: 'peer', atMost: 0.4 }] },
  },
  [peer]: { task: { client: 'acme-client' } },
  [bare]: { task: { client: 'bare-client' } },
};
const left = {
  'wall time per issuance (p50), AcmeX, @acmex/protocol/node, 1 at once':
    'two pauses before the CA is asked whether it is done, of at least 10 ms each, are 20 ms of it; the bare loop asks at once, and again after 5 ms, which takes more requests where a CA is slow.',
  'CPU per issuance, AcmeX, @acmex/protocol/node, 1 at once':
    'writing to the socket takes 17 % of the main thread, loading modules in the first issuances 9 %, the collector 7 %, signing and new keys 8 %, and our own code 13 %.',
  'CPU per issuance, AcmeX, plain fetch, 1 at once':
    'writing to the socket takes 31 % of the main thread, undici 14 %, signing and new keys 9 %, the collector 6 %, and our own code 8 %.',
};

export async function measure(bench) {
  const rows = [];
  const table = [
    ['at once', 'client', 'CPU ms per issuance', 'p50, ms', 'issuances per second', 'peak memory'],
  ];
  for (const lanes of [1, 20]) {
    const rounds = await inRounds(
      bench.rounds,
      async () => await byTurns(clients, async (...client) => await issue(bench, lanes, client)),
    );
    table.push(...Object.keys(clients).map((name) => [lanes, name, ...cellsOf(rounds, name)]));
    rows.push(...rowsOf(rounds, lanes));
  }
  return { title, text: describeMeasurement(bench), rows, tables: [table], left };
}

async function issue(bench, lanes, [{ task }, name]) {
  const count = issuances[lanes];
  const { cpu, p50, wall, peak } = await withPebble(bench, (ca) =>
    bench.run({ ...task, ...ca, warmUp: 100, issuances: count, lanes }),
  );
  console.error(`  ${lanes} at once, ${name}: ${cpu.toFixed(1)} ms, p50 ${p50.toFixed(1)} ms`);
  return { cpu, p50, rate: count / wall, peak };
}

function cellsOf(rounds, name) {
  const of = (figure) => rounds.map((round) => round[name][figure]);
  const peak = `${Math.round(median(of('peak')))} MiB`;
  return [...['cpu', 'p50', 'rate'].map((figure) => spread(of(figure))), peak];
}

function rowsOf(rounds, lanes) {
  const row = (name, figure, value, goals) => {
    const of = (client) => rounds.map((round) => round[client][value]);
    return {
      figure: `${figure}, ${name}, ${lanes} at once`,
      unit: 'ms',
      ours: of(name),
      peer: { name: peer, figures: of(peer) },
      limit: { name: bare, figures: of(bare) },
      goals,
    };
  };
  const cpu = Object.entries(clients)
    .filter(([, { goals }]) => goals !== undefined)
    .map(([name, { goals }]) => row(name, 'CPU per issuance', 'cpu', goals[lanes]));
  if (lanes > 1) return cpu;
  return [...cpu, row(node, 'wall time per issuance (p50)', 'p50', [{ of: 'peer', atMost: 0.7 }])];
}

function describeMeasurement({ rounds }) {
  return `After 100 issuances that do not count, 20 at once, certificates of one name each, with one account and P-256 keys for everything: ${issuances[1]} one after the other, or ${issuances[20]}, 20 at once. CPU is user and system time of the client's whole process. AcmeX's part includes a new key, the request, the issuance and the check of what came; acme-client's a new key, the request and \`client.auto\`, with \`backoffMin: 50\` and \`skipChallengeVerification\`. The bare loop is the limit: the same requests signed by \`node:crypto\` over kept connections, without a check of what comes, which asks again after 5 ms and then after twice the time before. All tell the same web server what to answer, over one kept connection. Each client has a fresh Pebble. In each of ${rounds} rounds the clients take turns, forwards and then backwards; a figure is the mean of both turns.`;
}
