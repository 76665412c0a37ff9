import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@acmex/clock';
import {
  describeWith,
  eventually,
  type RedisServer,
  reportSoak,
  startRedis,
} from '@acmex/services';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startCa, type TestCa } from '../serving.testing.ts';
import {
  type MemberProcess,
  type TeamOfProcesses,
  teamOfProcesses,
  type TeamOfProcessesOptions,
} from './team.testing.ts';

/** The long run of `npm run soak -- server`, or the sample of it. */
const soak = process.env.ACMEX_SOAK === 'team';
/**
 * What is promised in time is held to at full size, and with so many more seconds beside other tests.
 */
const room = soak ? 0 : 60;
const jobs = '{acmex}:team:custom';
/**
 * The lease of the processes, and how long a task stays with a process that died: the lease, and two
 * checks for lost tasks. Seconds. The sample has a shorter lease than users have, and a longer one
 * than a process is silent on a slow machine.
 */
const lease = soak ? 10 : 3;
const takeOver = 1.5 * lease;

describeWith(['redis-server'], 'a team', () => {
  let ca: TestCa;
  let redis: RedisServer;
  let looker: Redis;
  beforeEach(async () => {
    [ca, redis] = await Promise.all([startCa(), startRedis({ appendonly: true })]);
    looker = new Redis(redis.url, { retryStrategy: () => 200, maxRetriesPerRequest: null });
    looker.on('error', () => {
      /* it is killed on purpose */
    });
  });
  afterEach(async () => {
    looker.disconnect();
    await redis[Symbol.asyncDispose]();
    await ca[Symbol.asyncDispose]();
  });

  const teamWith = async (options: Partial<TeamOfProcessesOptions> = {}) =>
    await teamOfProcesses({ redisUrl: redis.url, ca, lease: { seconds: lease }, ...options });
  /** Orders a certificate for each name, so many at once, and gives those that were taken. */
  const order = async (
    team: TeamOfProcesses,
    api: MemberProcess,
    names: readonly string[],
    atOnce = 20,
  ) => {
    const taken = new Map<string, string>();
    const left = [...names];
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        for (let name = left.shift(); name !== undefined; name = left.shift()) {
          const { status, body } = await team
            .call(api.url, 'POST', '/api/orders', { names: [name] })
            .catch(() => ({ status: 0, body: {} }));
          if (status === 202) taken.set(name, (body as { certificate: string }).certificate);
        }
      }),
    );
    return taken;
  };
  const namesOf = (count: number, prefix = 'n') =>
    Array.from({ length: count }, (_, n) => `${prefix}${n}.test`);
  const issuedIn = async (team: TeamOfProcesses, api: MemberProcess) => {
    const issued = new Map<string, { readonly id: string; readonly generation: number }>();
    for (let next: string | undefined = ''; next !== undefined;) {
      const { body } = await team.call(
        api.url,
        'GET',
        `/api/certificates?limit=100${next === '' ? '' : `&cursor=${encodeURIComponent(next)}`}`,
      );
      for (const {
        id,
        names: [name],
        current,
      } of body.items)
        if (current) issued.set(name, { id, generation: current.generation });
      next = body.next;
    }
    return issued;
  };
  const finalized = () => [...ca.posts].filter(([path]) => path.includes('finalize'));
  /** Jobs that a process works on, by BullMQ's own word. */
  const jobsOf = async ({ pid }: MemberProcess) => {
    const active = await looker.lrange(`${jobs}:active`, 0, -1);
    const by = await Promise.all(
      active.map(async (id) => await looker.hget(`${jobs}:${id}`, 'pb')),
    );
    return active.filter((_, at) => by[at]?.includes(`/${pid}/`));
  };

  // Who is killed sooner than what was lost is taken over comes to nothing: the sample ends its
  // killing after a few.
  const [count, killEvery, mostKills] = soak ? [1000, 5000, Infinity] : [40, 4000, 3];
  it(
    `issues ${count} certificates once each though a worker is killed every ${killEvery / 1000} s, and another continues within ${takeOver} s`,
    async () => {
      await using team = await teamWith({ toml: '[renewal]\nconcurrency = 4\nper_issuer = 12' });
      const [api, ...workers] = await Promise.all([
        team.start('api'),
        team.start('worker'),
        team.start('worker'),
        team.start('worker'),
      ]);
      const recoveries: number[] = [];
      const watching: Promise<void>[] = [];
      let [done, kills] = [false, 0];
      const killing = (async () => {
        while (!done && kills < mostKills) {
          if (kills > 0) await systemClock.sleep({ milliseconds: killEvery });
          const victim = workers[kills % workers.length]!;
          let held = await jobsOf(victim);
          // A machine that is fast issues all before the first interval ends: kill one at work.
          while (!done && held.length === 0) {
            await systemClock.sleep({ milliseconds: 5 });
            held = await jobsOf(victim);
          }
          if (done) return;
          victim.kill('SIGKILL');
          await victim.ended;
          const from = systemClock.monotonic();
          watching.push(
            ...held.map(async (id) => {
              await eventually(
                async () =>
                  !(await looker.hget(`${jobs}:${id}`, 'pb'))?.includes(`/${victim.pid}/`),
                100,
              );
              recoveries.push(systemClock.monotonic() - from);
            }),
          );
          workers[kills % workers.length] = await team.start('worker');
          kills += 1;
        }
      })();
      const taken = await order(team, api, namesOf(count));
      expect(taken.size).toBe(count);
      await eventually(async () => (await issuedIn(team, api)).size === count, soak ? 900 : 150);
      done = true;
      await killing;
      await Promise.all(watching);
      const issued = await issuedIn(team, api);
      expect([...issued.values()].filter(({ generation }) => generation !== 1)).toEqual([]);
      expect(finalized().filter(([, times]) => times !== 1)).toEqual([]);
      expect(finalized()).toHaveLength(count);
      recoveries.sort((a, b) => a - b);
      const p99 = recoveries[Math.max(0, Math.ceil(recoveries.length * 0.99) - 1)] ?? 0;
      reportSoak(
        `${count} issued, ${finalized().length} finalized, ${ca.posts.get('/acme/new-order') ?? 0} newOrder, ${kills} kills, ${recoveries.length} tasks taken over, p99 ${Math.round(p99)} ms`,
      );
      expect(kills).toBeGreaterThan(0);
      expect(p99).toBeLessThan((takeOver + room) * 1000);
    },
    soak ? 1_200_000 : 200_000,
  );

  it('lets only one of two processes end a task that both do: the one that was silent overwrites nothing', async () => {
    await using team = await teamWith({ server: 'worker_listen_addr = "127.0.0.1:0"' });
    const [api, ...workers] = await Promise.all([
      team.start('api'),
      team.start('worker'),
      team.start('worker'),
    ]);
    ca.slowness = 4000;
    const taken = await order(team, api, ['slow.test']);
    let holder: MemberProcess | undefined;
    await eventually(async () => {
      for (const worker of workers) if ((await jobsOf(worker)).length > 0) holder = worker;
      return holder !== undefined && [...ca.posts.keys()].some((path) => path.includes('finalize'));
    }, 30);
    const [job] = await jobsOf(holder!);
    expect(await looker.pttl(`${jobs}:${job}:lock`)).toBeLessThanOrEqual(lease * 1000);
    holder?.kill('SIGSTOP');
    ca.slowness = 0;
    await eventually(async () => (await issuedIn(team, api)).size === 1, 60);
    const chain = async () =>
      (await team.call(api.url, 'GET', `/api/certificates/${taken.get('slow.test')}/chain`)).text;
    const before = await chain();
    holder?.kill('SIGCONT');
    await eventually(async () => (await jobsOf(holder!)).length === 0, 30);
    const lost = async () =>
      await Promise.all(
        workers.map(async (worker) =>
          Number(
            /^acmex_tasks_lost_total (\d+)$/m.exec(
              (await team.call(worker.url, 'GET', '/metrics')).text,
            )?.[1],
          ),
        ),
      );
    await eventually(async () => (await lost()).some((count) => count > 0), 60);
    expect(await lost()).toEqual(workers.map((worker) => (worker === holder ? 1 : 0)));
    expect(await chain()).toBe(before);
    expect((await issuedIn(team, api)).get('slow.test')).toMatchObject({ generation: 1 });
    expect(finalized()).toEqual([[expect.any(String), 1]]);
  }, 200_000);

  it('does everything that it has taken though Redis is killed meanwhile', async () => {
    await using team = await teamWith({ toml: '[renewal]\nconcurrency = 8\nper_issuer = 16' });
    const members = await Promise.all([
      team.start('api'),
      team.start('worker'),
      team.start('worker'),
    ]);
    const [api] = members;
    const ordering = order(team, api, namesOf(soak ? 500 : 40), 10);
    await eventually(() => ca.posts.size > 10, 30);
    await redis.kill();
    await eventually(
      () => members.every(({ said }) => said.some((line) => line.includes('Redis is away'))),
      30,
    );
    await redis.restart();
    const taken = await ordering;
    expect(taken.size).toBeGreaterThan(0);
    await eventually(
      async () => {
        const issued = await issuedIn(team, api).catch(() => new Map());
        return [...taken.keys()].every((name) => issued.has(name));
      },
      soak ? 300 : 120,
      () => taken.size,
    );
    expect(finalized().filter(([, times]) => times !== 1)).toEqual([]);
  }, 400_000);

  it(
    'fills its queue again when Redis has lost everything, if the storage is elsewhere',
    async () => {
      await using team = await teamWith({
        storage: 'file',
        toml: soak
          ? '[renewal]\nconcurrency = 8\nper_issuer = 8'
          : '[renewal]\nconcurrency = 2\nper_issuer = 2',
      });
      const [api] = await Promise.all([team.start('api'), team.start('worker')]);
      ca.slowness = soak ? 0 : 1500;
      const names = namesOf(soak ? 5000 : 12);
      await order(team, api, names);
      await eventually(async () => (await looker.llen(`${jobs}:active`)) > 0, 30);
      const from = systemClock.monotonic();
      await looker.flushall();
      await eventually(
        async () =>
          (await looker.llen(`${jobs}:active`)) > 0 &&
          (await team.call(api.url, 'GET', '/api/queue')).body.running > 0,
        60,
      );
      reportSoak(
        `the queue was filled again after ${Math.round(systemClock.monotonic() - from)} ms`,
      );
      ca.slowness = 0;
      await eventually(
        async () => (await issuedIn(team, api)).size === names.length,
        soak ? 1500 : 120,
      );
      expect(finalized().filter(([, times]) => times !== 1)).toEqual([]);
      expect(finalized()).toHaveLength(names.length);
      // None is renewed early.
      expect(
        [...(await issuedIn(team, api)).values()].filter(({ generation }) => generation !== 1),
      ).toEqual([]);
    },
    soak ? 1_800_000 : 200_000,
  );

  it.each([
    ['answers nothing but its health', undefined],
    ['continues to read, and takes nothing new', 'file'],
  ] as const)(
    'while Redis is away it %s, within a second, and is whole again when Redis is back',
    async (_, storage) => {
      await using team = await teamWith({ ...(storage ? { storage } : {}) });
      const [api] = await Promise.all([team.start('api'), team.start('worker')]);
      const [id] = [...(await order(team, api, ['before.test'])).values()];
      await eventually(async () => (await issuedIn(team, api)).size === 1, 60);
      await redis.kill();
      const from = systemClock.monotonic();
      await eventually(() => api.said.some((line) => line.includes('Redis is away')), 10);
      const timed = async (method: string, path: string, body?: unknown) => {
        const from = systemClock.monotonic();
        const { status, headers } = await team.call(api.url, method, path, body);
        expect(systemClock.monotonic() - from).toBeLessThan(5000);
        return [status, headers.get('retry-after')] as const;
      };
      expect(await timed('POST', '/api/orders', { names: ['during.test'] })).toEqual([503, '5']);
      expect(await timed('GET', `/api/certificates/${id}`)).toEqual(
        storage ? [200, null] : [503, '5'],
      );
      expect(await timed('GET', '/health')).toEqual([200, null]);
      expect((await timed('GET', '/health/ready'))[0]).toBe(503);
      // Ten minutes of it at full size, with a look each second.
      while (soak && systemClock.monotonic() - from < 600_000) {
        expect((await timed('GET', `/api/certificates/${id}`))[0]).toBe(storage ? 200 : 503);
        await systemClock.sleep({ seconds: 1 });
      }
      await redis.restart();
      await eventually(
        async () =>
          (await team.call(api.url, 'POST', '/api/orders', { names: ['after.test'] })).status ===
          202,
        15,
      );
      await eventually(async () => (await issuedIn(team, api)).has('after.test'), 60);
      expect((await timed('GET', '/health/ready'))[0]).toBe(200);
    },
    soak ? 900_000 : 200_000,
  );

  it(
    'sets its schedule again when it is gone, and scans for due tasks after the scanning process died',
    async () => {
      await using team = await teamWith();
      const [api, ...workers] = await Promise.all([
        team.start('api'),
        team.start('worker'),
        team.start('worker'),
      ]);
      const members = [...workers];
      const lag = async () =>
        Number(
          /^acmex_job_lag_seconds (\S+)/m.exec(
            (await team.call(api.url, 'GET', '/metrics')).text,
          )?.[1],
        );
      let longestLag = 0;
      const said = () =>
        members.flatMap((member) => member.said).filter((line) => line.includes('was set again'))
          .length;
      const schedules = async () => await looker.zcard('{acmex}:team:looks:repeat');
      const watch = async (seconds: number, holds: () => Promise<boolean>) =>
        await eventually(async () => {
          longestLag = Math.max(longestLag, await lag());
          return await holds();
        }, seconds);
      await watch(30, async () => (await schedules()) === 1);
      for (let round = 0; round < (soak ? 10 : 1); round += 1) {
        const before = said();
        await looker.del(...(await looker.keys('{acmex}:team:looks:*')));
        await watch(60, async () => (await schedules()) === 1 && said() > before);
        const victim = workers[round % 2]!;
        victim.kill('SIGKILL');
        await victim.ended;
        const from = systemClock.monotonic();
        const secondsSince = () => (systemClock.monotonic() - from) / 1000;
        // The sample ends with the first scan since; a schedule that stops later is for the soak.
        await watch(60, async () => (soak ? secondsSince() > 25 : (await lag()) < secondsSince()));
        if (!soak) continue;
        workers[round % 2] = await team.start('worker');
        members.push(workers[round % 2]!);
      }
      reportSoak(`longest time without a look: ${longestLag} s`);
      expect(longestLag).toBeLessThanOrEqual(30 + room);
    },
    soak ? 1_200_000 : 200_000,
  );

  it('takes 50 identical requests over two processes for one, and answers each the same', async () => {
    await using team = await teamWith();
    // One of them has no port of its own to answer challenges on, and does without.
    const apis = await Promise.all([team.start('api'), team.start('api')]);
    const key = randomBytes(8).toString('hex');
    const post = async (n: number, name = 'once.test') =>
      await team.call(
        apis[n % 2]!.url,
        'POST',
        '/api/orders',
        { names: [name] },
        { 'idempotency-key': key },
      );
    const answers = await Promise.all(Array.from({ length: 50 }, async (_, n) => await post(n)));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(202);
    expect((await post(0, 'other.test')).status).toBe(422);
    const { body } = await team.call(apis[0]!.url, 'GET', '/api/orders');
    expect(body.items).toHaveLength(1);
  }, 100_000);

  it('ends what a revoked session of a browser has open at each process, within five seconds', async () => {
    await using team = await teamWith();
    const [first, second] = await Promise.all([team.start('api'), team.start('api')]);
    const { body: order } = await team.call(first.url, 'POST', '/api/orders', {
      names: ['waits.test'],
    });
    const signedIn = await team.call(first.url, 'POST', '/api/session', { key: team.key });
    const cookie = signedIn.headers.get('set-cookie')!.split(';')[0]!;
    const request = async (path: string) =>
      await fetch(`${second.url}${path}`, { headers: { cookie } });
    const stream = await request(`/api/orders/${order.id}/events`);
    expect(stream.status).toBe(200);
    await team.call(first.url, 'DELETE', `/api/sessions/${signedIn.body.id}`);
    const revokedMs = systemClock.monotonic();
    expect((await request('/api/session')).status).toBe(401);
    await stream.text();
    expect(systemClock.monotonic() - revokedMs).toBeLessThan((5 + room) * 1000);
  }, 100_000);

  it(`stops within 30 s with ${soak ? 200 : 60} orders under way, and what it parks is done by another`, async () => {
    const many = soak ? 200 : 60;
    await using team = await teamWith({
      toml: `[renewal]\nconcurrency = ${many}\nper_issuer = ${many}`,
    });
    const [api, worker] = await Promise.all([team.start('api'), team.start('worker')]);
    // So long that all of them are under way together.
    ca.slowness = soak ? 10_000 : 3000;
    const names = namesOf(many);
    await order(team, api, names, 50);
    await eventually(async () => (await jobsOf(worker)).length >= many / 2, 60);
    const from = systemClock.monotonic();
    worker.kill('SIGTERM');
    expect(await worker.ended).toBe(0);
    const took = systemClock.monotonic() - from;
    reportSoak(`it ended after ${Math.round(took)} ms: ${worker.said.at(-1)}`);
    expect(took).toBeLessThan((30 + room) * 1000);
    expect(await looker.llen(`${jobs}:active`)).toBe(0);
    ca.slowness = 0;
    await team.start('worker');
    await eventually(async () => (await issuedIn(team, api)).size === names.length, 200);
    // A finalization that the CA had not begun with when its process was stopped is asked for
    // again.
    expect(
      [...(await issuedIn(team, api)).values()].filter(({ generation }) => generation !== 1),
    ).toEqual([]);
  }, 400_000);

  it(
    'lets a CA wait that has said so, and another lose nothing by it',
    async () => {
      await using secondCa = await startCa();
      const root = join(tmpdir(), `acmex-root-${randomBytes(6).toString('hex')}.pem`);
      await writeFile(root, secondCa.root);
      try {
        // Challenges are answered where the healthy CA asks.
        await using team = await teamWith({
          ca: { ...ca, httpPort: secondCa.httpPort, directory: ca.directory, root: ca.root },
          toml: `[issuers.other]\ndirectory = "${secondCa.directory}"\nca_certificate = "${root}"\ntos_agreed = true`,
        });
        const [api] = await Promise.all([team.start('api'), team.start('worker')]);
        // How long an order at the healthy CA takes from its request to its end, one after the other,
        // in milliseconds; the median.
        const latency = async (prefix: string) => {
          const all: number[] = [];
          for (const name of namesOf(100, prefix)) {
            const {
              body: { id },
            } = await team.call(api.url, 'POST', '/api/orders', { names: [name], issuer: 'other' });
            await team.call(api.url, 'GET', `/api/orders/${id}/events`);
            const {
              body: { createdAt, updatedAt },
            } = await team.call(api.url, 'GET', `/api/orders/${id}`);
            all.push(Date.parse(updatedAt) - Date.parse(createdAt));
          }
          return all.sort((a, b) => a - b)[50] ?? 0;
        };
        const before = soak ? await latency('before') : 0;
        ca.busy = 3600;
        const had = ca.requests;
        await order(team, api, namesOf(20));
        const healthy = namesOf(20, 'b');
        for (const name of healthy)
          expect(
            (await team.call(api.url, 'POST', '/api/orders', { names: [name], issuer: 'other' }))
              .status,
          ).toBe(202);
        await eventually(
          async () =>
            [...(await issuedIn(team, api)).keys()].filter(
              (name) => name.startsWith('b') && !name.startsWith('before'),
            ).length === healthy.length,
          90,
        );
        await eventually(
          async () => (await team.call(api.url, 'GET', '/api/queue')).body.failing.length === 20,
          60,
        );
        const asked = ca.requests - had;
        // Those that were on their way when the first was refused.
        expect(asked).toBeGreaterThan(0);
        expect(asked).toBeLessThanOrEqual(10);
        if (soak)
          reportSoak(
            `${asked} requests to the CA that limits; an order at the other took ${Math.round(before)} ms before, and ${Math.round(await latency('after'))} ms since`,
          );
        // The worker takes and ends more work, and none of it at the CA that limits.
        await order(team, api, ['late.test']);
        const { status } = await team.call(api.url, 'POST', '/api/orders', {
          names: ['last.test'],
          issuer: 'other',
        });
        expect(status).toBe(202);
        await eventually(async () => (await issuedIn(team, api)).has('last.test'), 60);
        await eventually(
          async () => (await team.call(api.url, 'GET', '/api/queue')).body.failing.length === 21,
          60,
        );
        expect(ca.requests - had).toBe(asked);
      } finally {
        await rm(root);
      }
    },
    soak ? 900_000 : 200_000,
  );
});
