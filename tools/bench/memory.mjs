// What a large certificate takes in memory, beside npm acme-client and the barest loop.
import { spread } from './figures.mjs';
import { inRounds, namesOf } from './prepare.mjs';
import { withPebble } from './proxy.mjs';

export const title = 'Memory';
const clients = {
  node: { name: 'AcmeX, @acmex/protocol/node', task: { client: 'acmex', fetch: 'node' } },
  global: { name: 'AcmeX, plain fetch', task: { client: 'acmex', fetch: 'global' } },
  peer: { name: 'acme-client 5.4.0', task: { client: 'acme-client' } },
  bare: { name: 'the bare loop', task: { client: 'bare-client', concurrency: 8 } },
};
const left = {};

export async function measure(bench) {
  const results = await inRounds(bench.rounds, async () => {
    const round = {};
    for (const [client, { task }] of Object.entries(clients))
      round[client] = await withPebble(bench, async (ca) => {
        const { peak } = await bench.run({ ...task, ...ca, names: namesOf(100) });
        return peak;
      });
    return round;
  });
  const of = (client) => results.map(({ [client]: peak }) => peak);
  const standard = (client) => ({ name: clients[client].name, figures: of(client) });
  return {
    title,
    text: 'The most memory that a process ever held (resident set) which gets one certificate of 100 names.',
    rows: [
      {
        figure: 'peak, 100 names',
        unit: 'MiB',
        ours: of('node'),
        peer: standard('peer'),
        limit: standard('bare'),
        goals: [{ of: 'peer', atMost: 0.75 }],
      },
    ],
    tables: [
      [
        ['client', 'peak'],
        ...Object.entries(clients).map(([client, { name }]) => [name, `${spread(of(client))} MiB`]),
      ],
    ],
    left,
  };
}
