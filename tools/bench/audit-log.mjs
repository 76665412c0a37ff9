// How fast the audit log is verified.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@acmex/clock';
import { auditedStorage, verifyAuditLog } from '@acmex/observability/audit';
import { eventChange } from '@acmex/orchestrator';
import { memoryStorage } from '@acmex/storage';
import { fileStorage } from '@acmex/storage-file';

const times = 5;
const changesAtOnce = 100;

/** @param options `records`: how many there are, in one chain */
export async function open({ records }) {
  const memory = memoryStorage();
  await write(memory, records);
  const folder = await mkdtemp(join(tmpdir(), 'acmex-bench-'));
  const files = fileStorage({ path: join(folder, 'storage') });
  await copy(memory, files);
  const figures = {};
  return {
    async issue() {
      for (const [place, storage] of Object.entries({ memory, files }))
        figures[place] = await verifications(storage, records);
    },
    figures: () => ({ perSecond: figures }),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

async function write(storage, records) {
  const audited = auditedStorage(storage, {
    origin: { program: 'acmex serve', host: 'host.example', user: 'acmex' },
  });
  for (let at = 0; at < records; at += 1)
    await audited.write([
      eventChange(
        {
          type: 'renewal_success',
          message: 'the certificate was renewed',
          certificate: `crt-${at % 1000}`,
          names: [`www.host-${at % 1000}.example`],
          issuer: 'letsencrypt',
        },
        systemClock,
      ),
    ]);
}

async function copy(from, to) {
  let changes = [];
  for await (const { key, value } of from.list('')) {
    changes.push({ set: key, value });
    if (changes.length < changesAtOnce) continue;
    await to.write(changes);
    changes = [];
  }
  await to.write(changes);
}

/** Returns how many records are verified in a second of processor time, each time. */
async function verifications(storage, records) {
  const rates = [];
  for (let time = 0; time < times; time += 1) {
    const before = process.cpuUsage();
    const { records: verified, faultCount } = await verifyAuditLog(storage);
    const { user, system } = process.cpuUsage(before);
    if (verified !== records || faultCount > 0)
      throw new Error(`${verified} of ${records} records were verified, with ${faultCount} faults`);
    rates.push(records / ((user + system) / 1_000_000));
  }
  return rates;
}
