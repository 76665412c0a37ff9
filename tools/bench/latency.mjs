// What a CA that is far away costs in time.
import { inRounds, namesOf } from './prepare.mjs';
import { behindProxy } from './proxy.mjs';

export const title = 'Latency';
const delay = 50;
const concurrency = 20;
const clients = {
  acmex: 'AcmeX',
  'bare-client': 'the bare loop',
};
const left = {};

export async function measure(bench) {
  const issuance = (client, held) =>
    behindProxy(bench, { delay: held }, async (proxy, ca) => {
      const names = namesOf(100);
      const { wall, opened } = await bench.run({ client, ...ca, names, concurrency });
      return { seconds: opened + wall, requests: proxy.counted().total };
    });
  const results = await inRounds(bench.rounds, async () => {
    const round = {};
    for (const client of Object.keys(clients))
      round[client] = { near: await issuance(client, 0), far: await issuance(client, delay) };
    return round;
  });
  const beyond = (client) =>
    results.map(({ [client]: { near, far } }) => far.seconds - near.seconds);
  const standard = (client) => ({ name: clients[client], figures: beyond(client) });
  return {
    title,
    text: `One certificate for 100 names, ${concurrency} of them worked on at once, with a new account, through a proxy that holds each answer back for ${delay} ms. What the CA itself takes is the time that the same issuance takes through the same proxy without delay; the figure is the difference.`,
    rows: [
      {
        figure: `100 names, ${concurrency} at once, each answer ${delay} ms late`,
        unit: 's',
        ours: beyond('acmex'),
        limit: standard('bare-client'),
        goals: [{ atMost: 1.5 }],
      },
    ],
    tables: [tableOf(results)],
    left,
  };
}

function tableOf(results) {
  return [
    ['round', 'client', 'without delay', 'requests', `with ${delay} ms`, 'requests'],
    ...results.flatMap((round, at) =>
      Object.entries(round).map(([client, { near, far }]) => [
        at + 1,
        clients[client],
        ...[near, far].flatMap(({ seconds, requests }) => [`${seconds.toFixed(2)} s`, requests]),
      ]),
    ),
  ];
}
