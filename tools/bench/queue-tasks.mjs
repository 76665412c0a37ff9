// What the queue in Redis costs: many tasks that do nothing, added and done by this process alone.
// Prints the milliseconds of processor time for each.
import { redisTarget } from '@acmex/storage-redis';
import { redisNotifier } from '../../apps/server/src/team/notifier.ts';
import { BullQueue } from '../../apps/server/src/team/bull-queue.ts';
import { redisWorkerRegistry } from '../../apps/server/src/team/worker-registry.ts';
import { teamRedis } from '../../apps/server/src/team/team-redis.ts';

const [url, count] = [process.argv[2], Number(process.argv[3])];
const prefix = '{bench}';
const redis = await teamRedis({ target: redisTarget({ url }) });
const { client, listener } = redis;
const notifier = await redisNotifier({ client, listener, channel: `${prefix}:bell` });
const queue = await BullQueue.connect({
  client,
  prefix,
  notifier,
  registry: redisWorkerRegistry({ client, prefix }),
  name: 'bench',
});
let [done, wake] = [0, undefined];
queue.process(
  async () => {
    done += 1;
    if (done === wanted) wake?.();
    return undefined;
  },
  { concurrency: 20 },
);
let wanted = 0;
const round = async (from, some) => {
  wanted = done + some;
  const all = new Promise((resolve) => {
    wake = resolve;
  });
  for (let n = 0; n < some; n += 50)
    await Promise.all(
      Array.from(
        { length: 50 },
        async (_, at) =>
          await queue.add({ id: `task-${from + n + at}`, group: 'ca', priority: 'normal' }),
      ),
    );
  await all;
};
await round(0, 500);
const before = process.cpuUsage();
await round(500, count);
const { user, system } = process.cpuUsage(before);
console.log((user + system) / 1000 / count);
process.exit(0);
