// A separate process that orders certificates at a CA with limits, in the storage that its parent
// names. The test bundles it.
import { registeredDomain } from '@acmex/budgets/registered-domain';
import { type Issuer, Provisioner } from '@acmex/orchestrator';
import { fileStorage } from '@acmex/storage-file';
import { redisStorage } from '@acmex/storage-redis';

/** What a process does, from its parent. */
export interface LimitedWork {
  /** A folder, or the URL of a Redis. */
  readonly place: string;
  readonly names: readonly string[];
  /** How many orders the CA allows. */
  readonly capacity: number;
}

/** What it has done. */
export interface LimitedResult {
  /** The orders that it has made at the CA. */
  readonly ordered: number;
  /** When each of the others is made, RFC 3339. */
  readonly times: readonly string[];
}

process.on('message', (work: LimitedWork) => {
  void order(work).then((result) => process.send?.(result));
});
process.send?.('ready');

async function order({ place, names, capacity }: LimitedWork): Promise<LimitedResult> {
  await using storage = place.startsWith('redis:')
    ? redisStorage({ url: place, allowPlaintextSecrets: true })
    : fileStorage({ path: place });
  let ordered = 0;
  const rule = { capacity, periodMs: capacity * 3_600_000 };
  const issuer: Issuer = {
    name: 'limited',
    budget: {
      ...{ ca: 'ca.test', account: 'main', renewalShare: 0, registeredDomain },
      limits: { exemptsRenewals: false, limits: { 'new-orders': rule } },
    },
    async issue(_, { save }) {
      ordered += 1;
      await save({ order: `https://ca.test/order/${process.pid}-${ordered}` });
      throw new Error('the CA has the order, and issues nothing');
    },
    abandon: async () => undefined,
  };
  const provisioner = new Provisioner({ storage, issuers: [issuer] });
  const times: string[] = [];
  for (const name of names) {
    const id = await provisioner.submit({
      certificate: { names: [name], issuer: 'limited', keyType: 'ec-p256' },
    });
    await provisioner.execute(id);
    const { failure } = await provisioner.status(id);
    if (failure?.code === 'ERR_ORCHESTRATOR_BUDGET') times.push(failure.retryAt);
  }
  return { ordered, times };
}
