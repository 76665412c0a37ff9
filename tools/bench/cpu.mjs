// What an issuance costs in processor time, beside npm acme-client and the barest loop.
import { inRounds, median, spread } from './prepare.mjs';
import { withPebble } from './proxy.mjs';

export const title = 'Processor time';
const issuances = 200;
const peer = 'acme-client 5.4.0';
const bare = 'the bare loop';
/** `limits`: by how many issuances are under way at once, the most of what the others take. */
const clients = {
  'AcmeX, @acmex/protocol/node': {
    task: { client: 'acmex', fetch: 'node' },
    limits: { 1: { [peer]: 0.33, [bare]: 1.6 }, 20: { [peer]: 0.3 } },
  },
  'AcmeX, plain fetch': {
    task: { client: 'acmex', fetch: 'global' },
    limits: { 1: { [peer]: 0.45 }, 20: { [peer]: 0.4 } },
  },
  [peer]: { task: { client: 'acme-client' }, limits: {} },
  [bare]: { task: { client: 'bare-client' }, limits: {} },
};

export async function measure(bench) {
  const rows = [];
  const table = [
    ['at once', 'client', 'CPU ms per issuance', 'issuances per second', 'peak memory'],
  ];
  for (const lanes of [1, 20]) {
    const rounds = await inRounds(bench.rounds, () => round(bench, lanes));
    for (const [name, { limits }] of Object.entries(clients)) {
      const of = (figure) => rounds.map((round) => round[name][figure]);
      table.push([
        lanes,
        name,
        spread(of('cpu')),
        spread(of('wall').map((seconds) => issuances / seconds)),
        `${Math.round(median(of('peak')))} MiB`,
      ]);
      for (const [standard, limit] of Object.entries(limits[lanes] ?? {})) {
        const ratios = rounds.map((round) => round[name].cpu / round[standard].cpu);
        rows.push({
          promise: `${name}, ${lanes} at once`,
          limit: `${limit} of ${standard}`,
          figure: spread(ratios, 2),
          met: median(ratios) <= limit,
        });
      }
    }
  }
  return {
    title,
    text: `After 50 issuances that do not count, ${issuances} certificates of one name each, with one account and P-256 keys for everything: user and system time of the client's whole process, by issuance. AcmeX's part includes a new key, the request, the issuance and the check of what came; acme-client's a new key, the request and \`client.auto\`, with \`backoffMin: 50\` and \`skipChallengeVerification\`. The bare loop is the limit: the same requests signed by \`node:crypto\` over kept connections, without a check of what comes. All tell the same web server what to answer, over one kept connection. Each client has a fresh Pebble. The figure is the quotient within one round: the median of ${bench.rounds}, with the least and the most.`,
    rows,
    tables: [table],
  };
}

async function round(bench, lanes) {
  const results = {};
  for (const [name, { task }] of Object.entries(clients)) {
    results[name] = await withPebble(bench, (ca) =>
      bench.run({ ...task, ...ca, warmUp: 50, issuances, lanes }),
    );
    console.error(`  ${lanes} at once, ${name}: ${results[name].cpu.toFixed(1)} ms`);
  }
  return results;
}
