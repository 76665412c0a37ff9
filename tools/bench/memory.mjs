// What a large certificate takes in memory, beside npm acme-client.
import { inRounds, median, namesOf } from './prepare.mjs';
import { withPebble } from './proxy.mjs';

export const title = 'Memory';
const limit = 0.75;

export async function measure(bench) {
  const peak = (task) =>
    withPebble(
      bench,
      async (ca) => (await bench.run({ ...task, ...ca, names: namesOf(100) })).peak,
    );
  const results = await inRounds(bench.rounds, async () => ({
    node: await peak({ client: 'acmex', fetch: 'node' }),
    global: await peak({ client: 'acmex', fetch: 'global' }),
    peer: await peak({ client: 'acme-client' }),
  }));
  const of = (figure) => median(results.map((result) => result[figure]));
  const ratio = median(results.map(({ node, peer }) => node / peer));
  return {
    title,
    text: `The most memory that a process ever held (resident set) which gets one certificate of 100 names, the median of ${bench.rounds}.`,
    rows: [
      {
        promise: '100 names',
        limit: `${limit} of acme-client's`,
        figure: ratio.toFixed(2),
        met: ratio <= limit,
      },
    ],
    tables: [
      [
        ['client', 'peak'],
        ...[
          ['AcmeX, @acmex/protocol/node', 'node'],
          ['AcmeX, plain fetch', 'global'],
          ['acme-client 5.4.0', 'peer'],
        ].map(([name, figure]) => [name, `${Math.round(of(figure))} MiB`]),
      ],
    ],
  };
}
