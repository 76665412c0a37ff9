// What HTTPS inside a program costs beside an https server of Node.js alone.
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { byTurns, median } from './figures.mjs';
import {
  askAll,
  connectionsByWrk,
  handshake,
  handshakesOf,
  sessionsOf,
  startCa,
  startServer,
  storedNames,
  storedOptions,
} from './https-servers.mjs';
import { bundleWhole, inRounds, root } from './prepare.mjs';
import { tableOf } from './tables.mjs';

export const title = 'HTTPS inside a program';
const many = 10_000;
const [warmUp, orders, starts] = [3, 10, 5];
/** Names that are asked for before the memory is measured, and whose sessions are resumed. */
const few = 200;
const [turns, turnMs] = [5, 500];
const names = Array.from({ length: many }, (_, number) => `shop-${number}.example.com`);
const nameCallback =
  'Node.js asks JavaScript for the certificate of each name, and sets it on the connection: an https server with nothing but an `SNICallback` has 0.96 of plain https';
const manyContexts = `${nameCallback}; the rest is in native code, and the collector takes no larger share than in plain https`;
const left = {
  'whole handshakes, 1 name': `${nameCallback}.`,
  'whole handshakes by wrk, 10,000 names': `${manyContexts}.`,
  'whole handshakes, 10,000 names': `${manyContexts}.`,
  'resumed handshakes, 10,000 names': `${manyContexts}.`,
};

export async function measure(bench) {
  await mkdir(join(root, 'tmp'), { recursive: true });
  const folder = await mkdtemp(join(root, 'tmp', 'bench-https-'));
  try {
    const place = await storages(bench, folder);
    const start = await startsOf(bench, place);
    const { handshakes, memory } = await handshakesOfAll(bench, place);
    const contexts = contextMemory(bench, place);
    const onDemand = await onDemandOf(bench, folder);
    return {
      title,
      text: `An https server of Node.js with a static certificate, and \`@acmex/https\` with a storage of files that holds one name, or ${many.toLocaleString('en')} certificates of one name each, which have all been asked for before. Clients in a process of their own make whole handshakes of TLS 1.3 with an ECDSA P-256 certificate and one intermediate, 16 at once: wrk for one of the names, with a request for each connection; then clients in Node.js for all names, without a request, and once more with sessions that they resume. The processor time is that of the server alone. Memory: resident, after a collection, of ${many.toLocaleString('en')} names that were all asked for, beyond that of one; the limit is that of as many contexts of TLS in Node.js alone. The first handshake of a name that is obtained on demand, from our CA on the same machine, by tls-alpn-01, storage in files; the limit is the same order by \`@acmex/manager\`. Start: from the start of the process until it listens.`,
      rows: [
        ...handshakeRows(handshakes),
        memoryRow([memory], contexts),
        onDemandRow(onDemand),
        ...startRows(start),
      ],
      tables: [
        tableOf(
          ['plain', 'single', 'many'].flatMap((server) =>
            Object.entries(kinds).map(([kind, what]) => ({
              name: `${serverNames[server]}, ${what}`,
              unit: 'a second of its processor time',
              figures: handshakes.map((round) => round[kind][server].ofProcessor),
            })),
          ),
        ),
        tableOf(
          ['stored', 'empty'].map((storage) => ({
            name: `first handshake, storage ${storage === 'stored' ? 'with the name' : 'empty'}`,
            unit: 'ms beyond plain https',
            figures: start.map((round) => round[storage].served - round.plain.served),
          })),
        ),
      ],
      left,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const serverNames = {
  plain: 'plain https',
  single: '1 name',
  many: `${many.toLocaleString('en')} names`,
};

const kinds = {
  wrk: 'whole handshakes by wrk',
  whole: 'whole handshakes',
  resumed: 'resumed handshakes',
};

/** A chain, and storages that have it. */
async function storages(bench, folder) {
  const { caCertificate, certificate, privateKey } = await bench.localCertificate();
  const chain = `${certificate.trim()}\n${caCertificate.trim()}\n`;
  const place = { single: join(folder, 'single'), many: join(folder, 'many'), folder };
  await storedNames(place.single, names.slice(0, 1), { chain, privateKey });
  await storedNames(place.many, names, { chain, privateKey });
  const files = { chain: join(folder, 'chain.pem'), privateKey: join(folder, 'key.pem') };
  await writeFile(files.chain, chain);
  await writeFile(files.privateKey, privateKey);
  return { ...place, files, plain: { cert: chain, key: privateKey } };
}

/** Handshakes of each round, and the memory of a name, of many that were all asked for. */
async function handshakesOfAll(bench, place) {
  const servers = await startAll(bench, place);
  try {
    for (const { port } of Object.values(servers)) await askAll(port, names.slice(0, few));
    const before = await servers.many.memory();
    await askAll(servers.many.port, names);
    const memory = ((await servers.many.memory()) - before) / (many - few);
    const clients = { whole: {}, resumed: {} };
    for (const [name, { port }] of Object.entries(servers)) {
      const asked = name === 'many' ? names : names.slice(0, 1);
      clients.whole[name] = inTurn(
        asked.map((_, at) => ({ name: asked[(at * 7919) % asked.length] })),
      );
      clients.resumed[name] = inTurn(await sessionsOf(port, asked.slice(0, few)));
    }
    const by = (kind) => async (server, name) =>
      await handshakesOf(server, clients[kind][name], turnMs);
    const handshakes = await inRounds(bench.rounds, async () => ({
      wrk: await compared(servers, async (server) => await connectionsByWrk(server, names[0])),
      whole: await compared(servers, by('whole')),
      resumed: await compared(servers, by('resumed')),
    }));
    return { handshakes, memory };
  } finally {
    for (const server of Object.values(servers)) await server.end();
  }
}

function* inTurn(list) {
  for (;;) yield* list;
}

/** The median of short turns: what disturbs one of them does not count. */
async function compared(servers, load) {
  const taken = await inRounds(turns, async () => byTurns(servers, load));
  const of = (name, figure) => median(taken.map((turn) => turn[name][figure]));
  return Object.fromEntries(
    Object.keys(servers).map((name) => [
      name,
      { rate: of(name, 'rate'), ofProcessor: of(name, 'ofProcessor') },
    ]),
  );
}

async function startAll(bench, place) {
  return {
    plain: await startServer(bench, { plain: place.plain }),
    single: await startServer(bench, { autocert: storedOptions(place.single, names[0]) }),
    many: await startServer(bench, { autocert: storedOptions(place.many, names[0]) }),
  };
}

function handshakeRows(rounds) {
  const of = (kind, server, figure) => rounds.map((round) => round[kind][server][figure]);
  const goals = [{ of: 'peer', atLeast: 0.95 }];
  return Object.entries(kinds).flatMap(([kind, what]) =>
    ['single', 'many'].flatMap((server) =>
      [
        ['rate', 'a second'],
        ['ofProcessor', 'a second of its processor time'],
      ].map(([figure, unit]) => ({
        figure: `${what}, ${serverNames[server]}`,
        unit,
        ours: of(kind, server, figure),
        peer: { name: 'plain https', figures: of(kind, 'plain', figure) },
        goals,
      })),
    ),
  );
}

function memoryRow(memory, contexts) {
  return {
    figure: `memory of a name, ${many.toLocaleString('en')} in use`,
    unit: 'kB',
    ours: memory,
    limit: { name: 'contexts of TLS alone', figures: contexts },
    goals: [{ atMost: 20 }],
  };
}

/** What as many contexts take in a process that has nothing else. */
function contextMemory(_, { files }) {
  const program = join(import.meta.dirname, 'https-memory.mjs');
  const { stdout } = spawnSync(
    process.execPath,
    ['--expose-gc', program, files.chain, files.privateKey, String(many)],
    { encoding: 'utf8' },
  );
  return [Number(stdout)];
}

/** Milliseconds of the first handshake of new names, and of the same orders by the manager. */
async function onDemandOf(bench, folder) {
  const program = await bundleWhole('ca-server');
  return await inRounds(bench.rounds, async (round) => {
    const place = (what) => join(folder, `${what}-${round}`);
    const ours = await withCa(
      bench,
      { program, folder },
      async (ca) => await firstHandshakes(bench, { ca, storage: place('autocert') }),
    );
    const manager = await withCa(bench, { program, folder }, async ({ directory, ca, port }) => {
      const { p50 } = await bench.run({
        ...{ client: 'managed-order', directory, ca, tlsPort: port },
        ...{ folder: place('manager'), warmUp, issuances: orders, lanes: 1 },
      });
      return p50;
    });
    return { ours, manager };
  });
}

/** Does something with our CA, which asks a free port by all challenges. */
async function withCa(bench, { program, folder }, work) {
  const ca = await startCa(program, folder, await bench.freePort());
  try {
    return await work(ca);
  } finally {
    await ca.end();
  }
}

/** The median of the milliseconds of first handshakes, after some that do not count. */
async function firstHandshakes(bench, { ca: { directory, root: caCertificate, port }, storage }) {
  const onDemandLimits = { perAddress: 100 };
  const autocert = {
    development: false,
    acceptTerms: true,
    directory,
    caCertificate,
    storage,
    allow: true,
    onDemandLimits,
  };
  const server = await startServer(bench, { autocert, port });
  try {
    const times = [];
    for (let count = 0; count < warmUp + orders; count += 1) {
      const begun = performance.now();
      (await handshake(port, `name-${count}.test`)).destroy();
      times.push(performance.now() - begun);
    }
    return median(times.slice(warmUp));
  } finally {
    await server.end();
  }
}

function onDemandRow(rounds) {
  return {
    figure: 'the first handshake of a name on demand',
    unit: 'ms',
    ours: rounds.map(({ ours }) => ours),
    limit: { name: 'the order alone', figures: rounds.map(({ manager }) => manager) },
    goals: [{ of: 'limit', atMost: 1.1 }],
  };
}

/** Milliseconds from the start of a process until it listens, and until its first handshake is done. */
async function startsOf(bench, place) {
  let storage = 0;
  const programs = {
    plain: () => ({ plain: place.plain }),
    stored: () => ({ autocert: storedOptions(place.single, names[0]) }),
    empty: () => ({
      autocert: storedOptions(join(place.folder, `empty-${storage++}`), names[0]),
    }),
  };
  return await inRounds(bench.rounds, async () => {
    const taken = Object.fromEntries(Object.keys(programs).map((name) => [name, []]));
    for (let run = 0; run < starts; run += 1)
      for (const [name, settings] of Object.entries(programs))
        taken[name].push(await startOf(bench, settings()));
    return Object.fromEntries(
      Object.entries(taken).map(([name, times]) => [
        name,
        {
          took: median(times.map(({ took }) => took)),
          served: median(times.map(({ served }) => served)),
        },
      ]),
    );
  });
}

async function startOf(bench, settings) {
  const server = await startServer(bench, settings);
  const { begun, took, port } = server;
  (await handshake(port, names[0])).destroy();
  const served = performance.now() - begun;
  await server.end();
  return { took, served };
}

function startRows(rounds) {
  const beyond = (storage) => rounds.map((round) => round[storage].took - round.plain.took);
  return [
    ['stored', 'storage with the name'],
    ['empty', 'storage empty'],
  ].map(([storage, name]) => ({
    figure: `start to listening beyond plain https, ${name}`,
    unit: 'ms',
    ours: beyond(storage),
    goals: [{ atMost: 150 }],
  }));
}
