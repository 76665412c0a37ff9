import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile } from 'node:fs/promises';
import { createServer as createPlainServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createDevelopmentAuthority,
  listIssued,
  loadAuthority,
  networkValidator,
  noLimits,
  saveAuthority,
} from '@acmex/ca';
import { serveAcme } from '@acmex/ca/node';
import { type Clock, scaledClock, systemClock } from '@acmex/clock';
import { eventually, removeFolder, reportSoak } from '@acmex/services';
import { addressPolicy } from '@acmex/egress';
import { CertificateStore } from '@acmex/orchestrator';
import { acmeSession, generateAccountKey, newAccount } from '@acmex/protocol';
import { nodeFetch } from '@acmex/protocol/node';
import { memoryStorage } from '@acmex/storage';
import { fileStorage } from '@acmex/storage-file';
import { expect, it } from '@jest/globals';
import { build } from 'esbuild';
import type { FastDaemon } from './lifetimes-daemon.testing.ts';

/**
 * How many certificates for how many lifetimes of how many milliseconds, on a clock how many times
 * as fast. Half of a lifetime is left to renew all of them, in real seconds: the sample has many
 * times what it takes, for it runs beside other tests.
 */
const ways = {
  sample: [12, 1, 3 * 3_600_000, 100],
  lifetimes: [50, 10, 3 * 3_600_000, 200],
  'lifetimes-real': [50, 3, 600_000, 1],
} as const;
const [certificates, lifetimes, lifetime, factor] =
  process.env.ACMEX_SOAK === 'lifetimes' || process.env.ACMEX_SOAK === 'lifetimes-real'
    ? ways[process.env.ACMEX_SOAK]
    : ways.sample;
/**
 * Of the sample: for so long after the issuance nothing is due, and nothing after the renewals. The
 * clock passes over these times.
 */
const quietMs = process.env.ACMEX_SOAK === undefined ? 0.45 * lifetime : 0;

it(`${certificates} certificates stay current for ${lifetimes} lifetimes on a clock ${factor} times as fast, through a kill every five seconds, and the CA counts none twice`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'acmex-lifetimes-'));
  const [program, path, webroot] = [
    join(folder, 'daemon.mjs'),
    join(folder, 'data'),
    join(folder, 'webroot'),
  ];
  await mkdir(join(webroot, '.well-known/acme-challenge'), { recursive: true });
  await build({
    entryPoints: [join(import.meta.dirname, 'lifetimes-daemon.testing.ts')],
    outfile: program,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['@acmex/source'],
    banner: {
      js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
  const origin = systemClock.now();
  const clock = leapingClock(scaledClock({ origin, factor }));
  const faults: string[] = [];
  const ca = await startCa({ clock, webroot, faults });
  const { key, pem } = await generateAccountKey();
  const { url } = await newAccount(
    acmeSession({ directory: ca.directory, key, fetch: nodeFetch({ ca: ca.root }) }),
    { termsOfServiceAgreed: true },
  );
  const argument: Omit<FastDaemon, 'origin'> = {
    path,
    webroot,
    directory: ca.directory,
    ca: ca.root,
    account: { url, key: pem },
    factor,
  };
  let daemonOrigin = origin;
  const storage = fileStorage({ path });
  const store = new CertificateStore({ storage, clock });
  for (let n = 0; n < certificates; n += 1)
    await store.add({ names: [`n${n}.test`], issuer: 'ca', keyType: 'ec-p256' });

  const start = () =>
    spawn(
      process.execPath,
      [program, JSON.stringify({ ...argument, origin: daemonOrigin.toString() })],
      { stdio: ['ignore', 'inherit', 'pipe'] },
    );
  const complaints: string[] = [];
  const listen = (child: ChildProcess) =>
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaints.push(text);
    });
  let [kills, checks] = [0, 0];
  const checkCurrent = async () => {
    const now = clock.now().epochMilliseconds;
    const all = await currents(store);
    for (const { id, notAfter } of all)
      if (Date.parse(notAfter) <= now)
        throw new Error(
          `${id} was not renewed in time: it ended at ${notAfter}\n${complaints.slice(-20).join('')}`,
        );
    checks += 1;
    return all;
  };
  const daemons = [start(), start()];
  daemons.forEach(listen);
  try {
    // All are issued once before the time runs.
    await eventually(async () => (await currents(store)).length === certificates, 120);
    const from = clock.now().epochMilliseconds;
    if (quietMs > 0) {
      await Promise.all(daemons.map(killed));
      clock.leap(quietMs);
      // Its time runs `factor` times as fast since then.
      daemonOrigin = origin.subtract({ milliseconds: Math.round(quietMs / (factor - 1)) });
      daemons.splice(0, daemons.length, start(), start());
      daemons.forEach(listen);
    }
    let lastKill = clock.now().epochMilliseconds;
    let killsBeforeQuiet: number | undefined;
    while (clock.now().epochMilliseconds - from < lifetimes * lifetime) {
      await systemClock.sleep({ milliseconds: 500 });
      const all = await checkCurrent();
      const now = clock.now().epochMilliseconds;
      if (quietMs > 0 && all.every(({ generation }) => generation > 1)) {
        killsBeforeQuiet ??= kills;
        // Each daemon was started again, has had five seconds, and was to find nothing to do.
        if (kills > killsBeforeQuiet + daemons.length) clock.leap(from + lifetime - now);
      }
      if (now - lastKill < 5000 * factor) continue;
      lastKill = now;
      const at = kills % daemons.length;
      await killed(daemons[at]);
      daemons[at] = start();
      listen(daemons[at]);
      kills += 1;
    }
    await checkCurrent();
  } finally {
    await Promise.all(daemons.map(killed));
  }
  const issued = new Map<string, number>();
  for await (const {
    identifiers: [first],
  } of listIssued(ca.storage))
    issued.set(first?.value ?? '', (issued.get(first?.value ?? '') ?? 0) + 1);
  let total = 0;
  let unfinished = 0;
  for await (const {
    names: [name = ''],
    current,
    order,
  } of store.list()) {
    const generations = current?.generation ?? 0;
    total += generations;
    // What was issued and not yet stored when the last kill came is still its order's.
    const counted = issued.get(name) ?? 0;
    if (counted !== generations && order !== undefined && counted === generations + 1)
      unfinished += 1;
    else expect([name, counted]).toEqual([name, generations]);
    expect(generations).toBeLessThanOrEqual(2 * lifetimes + 4);
  }
  await ca[Symbol.asyncDispose]();
  await removeFolder(folder);
  expect(faults).toEqual([]);
  reportSoak(
    `${certificates} certificates, ${lifetimes} lifetimes, ${kills} kills, ${checks} checks: ${total} issued, none twice, none late; ${unfinished} on the way at the end`,
  );
}, 2_400_000);

/** A clock that can pass over a time. */
function leapingClock(base: Clock) {
  let leaptMs = 0;
  return {
    ...base,
    now: () => base.now().add({ milliseconds: leaptMs }),
    monotonic: () => base.monotonic() + leaptMs,
    leap: (milliseconds: number) => {
      leaptMs += milliseconds;
    },
  };
}

async function killed(daemon: ChildProcess | undefined): Promise<void> {
  if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) return;
  const ended = once(daemon, 'close');
  daemon.kill('SIGKILL');
  await ended;
}

async function currents(store: CertificateStore) {
  const all: { readonly id: string; readonly notAfter: string; readonly generation: number }[] = [];
  for await (const { id, current } of store.list())
    if (current) all.push({ id, notAfter: current.notAfter, generation: current.generation });
  return all;
}

/**
 * A CA on the fast clock, whose certificates live three hours, and a web server that serves the
 * webroot.
 */
async function startCa({
  clock,
  webroot,
  faults,
}: {
  readonly clock: Clock;
  readonly webroot: string;
  readonly faults: string[];
}) {
  const storage = memoryStorage();
  await saveAuthority(storage, await createDevelopmentAuthority({ clock }));
  const { issuer, root } = await loadAuthority(storage, { kind: 'development', clock });
  const web = createPlainServer(async ({ url = '' }, response) => {
    const body = await readFile(join(webroot, new URL(url, 'http://x').pathname)).catch(
      () => undefined,
    );
    response.writeHead(body ? 200 : 404).end(body);
  });
  const httpPort = await listening(web);
  const acme = await serveAcme({
    storage,
    issuer,
    clock,
    rateLimiter: noLimits(),
    profiles: { short: { validity: { milliseconds: lifetime }, backdate: { minutes: 1 } } },
    lifetimes: { nonce: { hours: 24 } },
    validate: networkValidator({
      egress: {
        policy: addressPolicy({ allow: ['127.0.0.0/8'] }),
        resolver: async () => ['127.0.0.1'],
      },
      ports: { http: httpPort, https: httpPort },
    }),
    onError: ({ during, error }) => {
      faults.push(`${during}: ${String(error)}`);
    },
  });
  return {
    storage,
    root,
    directory: acme.directory,
    async [Symbol.asyncDispose]() {
      await acme[Symbol.asyncDispose]();
      web.close();
      web.closeAllConnections();
    },
  };
}

async function listening(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}
