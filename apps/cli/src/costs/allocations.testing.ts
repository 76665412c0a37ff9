import { createCsr, parseCertificate, parseChain, webcrypto } from '@acmex/certificate';
import { identifiers } from '@acmex/identifier';
import { CertificateStore } from '@acmex/orchestrator';
import { generateAccountKey, newAccount, signJws } from '@acmex/protocol';
import { temporaryFolder } from '@acmex/services';
import { memoryStorage } from '@acmex/storage';
import { fileStorage } from '@acmex/storage-file';
import type { Costs } from './limits.testing.ts';
import { directory, issue, type ServedCa, servedCa, sessionAt } from './served-ca.testing.ts';

const rounds = 200;

/**
 * Measures the bytes that the hot loops allocate on the heap. The process runs with options with
 * which nothing is collected and no code is optimized meanwhile, so that each run allocates the same.
 */
export async function allocationCosts(): Promise<Costs> {
  await using ca = await servedCa();
  return { ...(await requestCosts(ca)), ...(await certificateCosts(ca)), ...(await listCosts()) };
}

async function requestCosts(ca: ServedCa): Promise<Costs> {
  const { key } = await generateAccountKey();
  const session = await sessionAt(ca, { key });
  const { url } = await newAccount(session, {});
  const requests: string[] = [];
  const header = { url, kid: url };
  for (let n = 0; n < 2 * rounds; n += 1) {
    const answer = await ca.server.handler(
      new Request(directory.replace('directory', 'new-nonce'), { method: 'HEAD' }),
      { address: '192.0.2.1' },
    );
    const nonce = answer.headers.get('replay-nonce');
    requests.push(JSON.stringify(await signJws(key, { ...header, nonce }, '')));
  }
  return {
    'heap of a signature for a request': await allocatedBy(() => signJws(key, header, '{}')),
    'heap of a request of a client and its answer by the CA': await allocatedBy(() =>
      session.post(url, undefined),
    ),
    'heap of a signed request at the CA': await allocatedBy(async () => {
      const headers = { 'content-type': 'application/jose+json' };
      const request = new Request(url, { method: 'POST', headers, body: requests.pop() ?? '' });
      const answer = await ca.server.handler(request, { address: '192.0.2.1' });
      if (answer.status !== 200) throw new Error(await answer.text());
    }),
  };
}

async function certificateCosts(ca: ServedCa): Promise<Costs> {
  const session = await sessionAt(ca);
  await newAccount(session, {});
  const chain = await issue(session, ['name.test']);
  const certificateKey = await webcrypto().generate('ec-p256');
  const request = { identifiers: identifiers(['name.test']), key: certificateKey };
  return {
    'heap of a certificate that is read': await allocatedBy(() => parseCertificate(chain)),
    'heap of a chain that is read': await allocatedBy(() => parseChain(chain)),
    'heap of a certificate signing request': await allocatedBy(() => createCsr(request)),
  };
}

async function listCosts(): Promise<Costs> {
  await using folder = await temporaryFolder('costs');
  await using files = fileStorage({ path: folder.path });
  const memory = memoryStorage();
  const certificates = new CertificateStore({ storage: memory });
  const value = new Uint8Array(1000);
  for (let n = 0; n < 100; n += 1) {
    const spec = { names: [`name-${n}.test`], issuer: 'ca', keyType: 'ec-p256' } as const;
    await certificates.add(spec);
  }
  const keys = Array.from({ length: 100 }, (_, n) => `listed/${n + 100}`);
  for (const storage of [memory, files])
    await storage.write(keys.map((key) => ({ set: key, value })));
  const readAll = async (storage: Pick<typeof files, 'list'>) => {
    let count = 0;
    for await (const { value: bytes } of storage.list('listed')) count += bytes.length > 0 ? 1 : 0;
    if (count !== keys.length) throw new Error(`${count} entries are listed`);
  };
  const of100 = { rounds: 15, per: 100 };
  return {
    'heap of an entry that is listed, in memory': await allocatedBy(() => readAll(memory), of100),
    'heap of an entry that is listed, in files': await allocatedBy(() => readAll(files), of100),
    'heap of a certificate in a page': await allocatedBy(
      () => certificates.page({ limit: 100 }),
      of100,
    ),
  };
}

/** Returns the bytes that one run allocates. @param options `per`: what one run does so many times */
async function allocatedBy(
  work: () => unknown,
  { rounds: count = rounds, per = 1 }: { readonly rounds?: number; readonly per?: number } = {},
): Promise<Costs[string]> {
  const collect = globalThis.gc;
  if (!collect) throw new Error('allocations are counted with --expose-gc');
  for (let n = 0; n < count; n += 1) await work();
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < count; n += 1) await work();
  return { bytes: Math.round((process.memoryUsage().heapUsed - before) / count / per) };
}
