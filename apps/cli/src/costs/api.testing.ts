import { join } from 'node:path';
import type { Tracing } from '@acmex/observability/tracing';
import { CertificateStore } from '@acmex/orchestrator';
import { serve } from '@acmex/server';
import { freePort, temporaryFolder } from '@acmex/services';
import type { Storage } from '@acmex/storage';
import { fileStorage } from '@acmex/storage-file';
import { type CountingStorage, countingStorage } from './counting-storage.testing.ts';
import type { Costs, Counts } from './limits.testing.ts';

/** Counts what the REST API reads for a page of a list, and for one certificate. */
export async function apiCosts(): Promise<Costs> {
  await using folder = await temporaryFolder('costs');
  const id = await filled(join(folder.path, 'data'));
  const server = await serving(folder.path);
  try {
    const page = '/api/certificates?limit=100';
    return {
      'storage of the API, a page of 100': await server.counts(page),
      'storage of the API, a page of 100 by name': await server.counts(`${page}&sort=name`),
      'storage of the API, one certificate': await server.counts(`/api/certificates/${id}`),
    };
  } finally {
    await server.stop({ within: { seconds: 5 } });
  }
}

/** Adds 150 certificates, for which nothing is due. @returns the id of the last */
async function filled(path: string): Promise<string> {
  await using storage = fileStorage({ path });
  const certificates = new CertificateStore({ storage });
  let last = '';
  for (let n = 0; n < 150; n += 1) {
    const spec = { names: [`name-${n}.test`], issuer: 'ca', keyType: 'ec-p256' } as const;
    last = (await certificates.add(spec)).id;
    await certificates.pause(last);
  }
  return last;
}

/** A server on the files of a folder. */
async function serving(folder: string) {
  let counting: CountingStorage | undefined;
  let key = '';
  const server = await serve({
    environment: {},
    cwd: folder,
    home: folder,
    configFile: false,
    overrides: [
      { flag: '--addr', key: 'server.listen_addr', value: `127.0.0.1:${await freePort()}` },
    ],
    dataDirectory: join(folder, 'data'),
    version: '0.0.0',
    log: () => undefined,
    onInitialKey: (_, text) => {
      key = text;
    },
    tracing: tracingWith((storage) => {
      counting = countingStorage(storage);
      return counting;
    }),
  });
  const countOnce = async (path: string): Promise<Counts> => {
    counting?.take();
    const answer = await fetch(`${server.url}${path}`, { headers: { 'x-api-key': key } });
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    await answer.arrayBuffer();
    if (!counting) throw new Error('the server has not opened its storage through its tracing');
    return counting.take();
  };
  return {
    stop: server.stop,
    /** The least of five times: at the same time, the server also searches for what is due. */
    async counts(path: string): Promise<Counts> {
      let least = await countOnce(path);
      for (let time = 1; time < 5; time += 1) {
        const counts = await countOnce(path);
        least = Object.fromEntries(
          Object.entries(counts).map(([kind, count]) => [kind, Math.min(count, least[kind] ?? 0)]),
        );
      }
      return least;
    },
  };
}

/** Tracing that records nothing: the place where a server lets its storage be watched. */
function tracingWith(watchStorage: (storage: Storage) => Storage): Tracing {
  const tracing: Pick<Tracing, 'watching' | 'watchStorage' | 'traceRequest'> & {
    readonly managerOptions: Pick<Tracing['managerOptions'], 'currentTrace'>;
  } = {
    watchStorage,
    watching: (watch) => watch as ReturnType<Tracing['watching']> & typeof watch,
    traceRequest: async (_, work) => await work(),
    managerOptions: { currentTrace: () => undefined },
  };
  return tracing as Tracing;
}
