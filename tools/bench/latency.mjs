// What a CA that is far away costs in time.
import { inRounds, median, namesOf } from './prepare.mjs';
import { behindProxy } from './proxy.mjs';

export const title = 'Latency';
const delay = 50;
const limit = 1.5;

export async function measure(bench) {
  const issuance = (held) =>
    behindProxy(bench, { delay: held }, async (proxy, ca) => {
      const { wall, opened } = await bench.run({
        client: 'acmex',
        ...ca,
        names: namesOf(100),
        concurrency: 20,
      });
      return { seconds: opened + wall, requests: proxy.counted().total };
    });
  const results = await inRounds(bench.rounds, async () => ({
    near: await issuance(0),
    far: await issuance(delay),
  }));
  const beyond = median(results.map(({ near, far }) => far.seconds - near.seconds));
  return {
    title,
    text: `One certificate for 100 names, 20 of them worked on at once, with a new account, through a proxy that holds each answer back for ${delay} ms. What the CA itself takes, and what the client waits between two polls of an order, is the time that the same issuance takes through the same proxy without delay; the figure is the difference, the median of ${bench.rounds}.`,
    rows: [
      {
        promise: `100 names, 20 at once, each answer ${delay} ms late`,
        limit: `${limit} s`,
        figure: `${beyond.toFixed(2)} s`,
        met: beyond <= limit,
      },
    ],
    tables: [
      [
        ['round', 'without delay', 'requests', `with ${delay} ms`, 'requests', 'difference'],
        ...results.map(({ near, far }, round) => [
          round + 1,
          `${near.seconds.toFixed(2)} s`,
          near.requests,
          `${far.seconds.toFixed(2)} s`,
          far.requests,
          `${(far.seconds - near.seconds).toFixed(2)} s`,
        ]),
      ],
    ],
  };
}
