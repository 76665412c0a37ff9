// A process of its own that gets one certificate, and kills itself at one of its writes: bundled by
// the test. Its argument is JSON.
import { dns01 } from '@acmex/challenge/dns-01';
import { http01 } from '@acmex/challenge/http-01';
import { tlsAlpn01 } from '@acmex/challenge/tls-alpn-01';
import type { ChallengeSolver } from '@acmex/client';
import { systemClock } from '@acmex/clock';
import { lookUp } from '@acmex/dns';
import { Provisioner } from '@acmex/orchestrator';
import { acmeSession, importAccountKey } from '@acmex/protocol';
import { nodeFetch } from '@acmex/protocol/node';
import type { Storage } from '@acmex/storage';
import { fileStorage } from '@acmex/storage-file';
import { acmeIssuer } from './acme-issuer.ts';
import { storedResponses } from './stored-responses.ts';

export interface Task {
  readonly path: string;
  readonly name: string;
  readonly type: 'http-01' | 'dns-01' | 'tls-alpn-01';
  readonly directory: string;
  readonly ca: string;
  readonly account: { readonly url: string; readonly key: string };
  readonly ports: { readonly http: number; readonly tls: number };
  readonly dns: { readonly address: string; readonly managementUrl: string };
  /** Answer through the storage, so that the CA may ask a different process. */
  readonly shared?: boolean | undefined;
  /** The number of the write, and whether it is done before the kill; absent: none. */
  readonly kill?: { readonly write: number; readonly when: 'before' | 'after' } | undefined;
}

const task = JSON.parse(process.argv[2] ?? '') as Task;
const { directory, ca, account, ports, dns } = task;

/** A storage that ends the process at one of its writes. */
function dying(storage: Storage): Storage {
  let writes = 0;
  return {
    ...storage,
    async write(...args) {
      writes += 1;
      const dies = writes === task.kill?.write;
      if (dies && task.kill?.when === 'before') process.kill(process.pid, 'SIGKILL');
      const versions = await storage.write(...args);
      if (dies) process.kill(process.pid, 'SIGKILL');
      return versions;
    },
  };
}

async function post(path: string, body: object): Promise<void> {
  const answer = await fetch(`${dns.managementUrl}/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
}

function solver(): unknown {
  if (task.type === 'http-01')
    return http01({
      port: ports.http,
      host: '127.0.0.1',
      ...(task.shared ? { shared: storedResponses(storage, 'http-01') } : {}),
    });
  if (task.type === 'tls-alpn-01')
    return tlsAlpn01({
      port: ports.tls,
      host: '127.0.0.1',
      ...(task.shared ? { shared: storedResponses(storage, 'tls-alpn-01') } : {}),
    });
  const host = (zone: string, name: string) => (name === '@' ? `${zone}.` : `${name}.${zone}.`);
  return dns01({
    lookUp: lookUp({ clock: systemClock, servers: [dns.address] }),
    propagation: { check: 'skip' },
    provider: {
      name: 'test',
      wholeNames: true,
      append: async (zone, records) => {
        for (const { name, value } of records)
          await post('set-txt', { host: host(zone, name), value });
      },
      remove: async (zone, records) => {
        for (const { name } of records) await post('clear-txt', { host: host(zone, name) });
      },
    },
  });
}

const storage = dying(fileStorage({ path: task.path }));
const issuer = acmeIssuer({
  name: 'pebble',
  session: async () =>
    acmeSession({
      directory,
      key: await importAccountKey(account.key),
      account: account.url,
      fetch: nodeFetch({ ca }),
    }),
  solvers: async () => [solver() as ChallengeSolver],
});
const provisioner = new Provisioner({ storage, issuers: [issuer], lease: { milliseconds: 300 } });
let order: string | undefined;
for await (const existing of provisioner.orders()) {
  if (existing.names.includes(task.name)) order = existing.id;
}
for await (const { id } of provisioner.certificates.byName(task.name))
  order ??= await provisioner.submit({ certificate: id });
order ??= await provisioner.submit({
  certificate: { names: [task.name], issuer: 'pebble', keyType: 'ec-p256' },
});
const outcome = await provisioner.execute(order);
if (outcome.state === 'failed') console.error(outcome.error);
process.stdout.write(JSON.stringify({ state: outcome.state, order }));
await storage[Symbol.asyncDispose]();
process.exit(outcome.state === 'succeeded' ? 0 : 1);
