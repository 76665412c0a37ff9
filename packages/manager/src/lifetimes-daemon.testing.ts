// A daemon on a fast clock: bundled by the test, killed by it again and again. Its argument is
// JSON.
import { http01Webroot } from '@acmex/challenge/http-01';
import type { ChallengeSolver } from '@acmex/client';
import { scaledClock, systemClock } from '@acmex/clock';
import { dueSource, Provisioner, CertificateMaintenance } from '@acmex/orchestrator';
import { acmeSession, importAccountKey } from '@acmex/protocol';
import { nodeFetch } from '@acmex/protocol/node';
import { dispatcher, inProcessQueue } from '@acmex/scheduler';
import { fileStorage } from '@acmex/storage-file';
import { Temporal } from 'temporal-polyfill';
import { acmeIssuer } from './acme-issuer.ts';

export interface FastDaemon {
  readonly path: string;
  readonly webroot: string;
  readonly directory: string;
  readonly ca: string;
  readonly account: { readonly url: string; readonly key: string };
  /** When the fast clock showed the same as the machine's. */
  readonly origin: string;
  readonly factor: number;
}

const { path, webroot, directory, ca, account, origin, factor } = JSON.parse(
  process.argv[2] ?? '',
) as FastDaemon;
const first = Temporal.Instant.from(origin);
const passed = systemClock.now().epochMilliseconds - first.epochMilliseconds;
const clock = scaledClock({
  origin: first.add({ milliseconds: Math.round(passed * factor) }),
  factor,
});
const storage = fileStorage({ path });
const key = await importAccountKey(account.key);
// The network is as fast as it is: its limits are real seconds. Those of a window would be too, so
// on a fast clock the CA is not asked for one.
const session = acmeSession({ directory, key, account: account.url, fetch: nodeFetch({ ca }) });
const issuer = {
  ...acmeIssuer({
    name: 'ca',
    session: async () => session,
    solvers: async () => [http01Webroot({ directory: webroot }) as unknown as ChallengeSolver],
  }),
  ...(factor === 1 ? {} : { renewalInfo: undefined as never }),
};
const provisioner = new Provisioner({
  storage,
  issuers: [issuer],
  clock,
  lease: { seconds: 3 * factor },
});
const maintenance = new CertificateMaintenance({ storage, provisioner, clock });
const queue = inProcessQueue({ clock, onError: (id, error) => console.error(id, error) });
const loop = dispatcher({
  source: dueSource(provisioner.certificates),
  queue,
  clock,
  onError: console.error,
});
queue.process(
  async (id, { signal }) => {
    const { outcome } = await maintenance.maintain(id, { signal });
    if (outcome?.state === 'failed') console.error(id, outcome.error);
    loop.wake();
    return undefined;
  },
  { concurrency: 10 },
);
