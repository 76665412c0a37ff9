// What an issuance costs in processor time, beside npm acme-client.
import { inRounds, median } from './prepare.mjs';
import { withPebble } from './proxy.mjs';

export const title = 'Processor time';
const clients = {
  'AcmeX, @acmex/protocol/node': { task: { client: 'acmex', fetch: 'node' }, limit: 0.4 },
  'AcmeX, plain fetch': { task: { client: 'acmex', fetch: 'global' }, limit: 0.5 },
  'acme-client 5.4.0': { task: { client: 'acme-client' } },
};
const peer = 'acme-client 5.4.0';

export async function measure(bench) {
  const rows = [];
  const table = [
    ['at once', 'client', 'CPU ms per issuance', 'issuances per second', 'peak memory'],
  ];
  for (const lanes of [1, 20]) {
    const rounds = await inRounds(bench.rounds, () => round(bench, lanes));
    for (const [name, { limit }] of Object.entries(clients)) {
      const of = (figure) => rounds.map((round) => round[name][figure]);
      table.push([
        lanes,
        name,
        median(of('cpu')).toFixed(1),
        (200 / median(of('wall'))).toFixed(1),
        `${Math.round(median(of('peak')))} MiB`,
      ]);
      if (limit === undefined) continue;
      const ratio = median(rounds.map((round) => round[name].cpu / round[peer].cpu));
      rows.push({
        promise: `${name}, ${lanes} at once`,
        limit: `${limit} of acme-client's`,
        figure: ratio.toFixed(2),
        met: ratio <= limit,
      });
    }
  }
  return {
    title,
    text: `After 50 issuances that do not count, 200 certificates of one name each, with one account and P-256 keys for everything: user and system time of the client's whole process, by issuance. AcmeX's part includes a new key, the request, the issuance and the check of what came; acme-client's a new key, the request and \`client.auto\`, with \`backoffMin: 50\` and \`skipChallengeVerification\`; both tell the same web server what to answer, over one kept connection. Each client has a fresh Pebble. The figure is the quotient within one round, the median of ${bench.rounds}.`,
    rows,
    tables: [table],
  };
}

async function round(bench, lanes) {
  const results = {};
  for (const [name, { task }] of Object.entries(clients)) {
    results[name] = await withPebble(bench, (ca) =>
      bench.run({ ...task, ...ca, warmUp: 50, issuances: 200, lanes }),
    );
    console.error(`  ${lanes} at once, ${name}: ${results[name].cpu.toFixed(1)} ms`);
  }
  return results;
}
