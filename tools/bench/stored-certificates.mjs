// A storage with very many certificates, as the orchestrator would have written them.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bundle } from './prepare.mjs';

/** Certificates in a storage in memory, and the ways to put them elsewhere. */
export async function storedCertificates(count) {
  const packages = await import(await bundle('many-certificates'));
  const storage = await inMemory(packages, count);
  return {
    count,
    /** Puts them into a new folder. */
    intoFiles: async (path) => await laidOut(packages, storage, path),
    /** Puts them into a Redis, encrypted. */
    intoRedis: async (url, encryptionKey) =>
      await writtenToRedis(packages, storage, { url, encryptionKey }),
  };
}

async function inMemory(packages, count) {
  const { CertificateStore, memoryStorage } = packages;
  const storage = memoryStorage();
  let now = Date.UTC(2026, 0, 1);
  const clock = {
    now() {
      now += 5;
      return Temporal(now);
    },
    monotonic: () => now,
    sleep: async () => undefined,
  };
  const store = new CertificateStore({ storage, clock });
  for (let at = 0; at < count; at += 1) {
    const { id } = await store.add({
      names: [`www.host-${at}.example.test`],
      issuer: 'letsencrypt',
      keyType: 'ec-p256',
      labels: { team: `t${at % 10}` },
    });
    const [notBefore, notAfter, renew] = [0, 90, 60].map((days) =>
      new Date(Date.UTC(2030, 0, 1) + at * 60_000 + days * 86_400_000).toISOString(),
    );
    await store.change(id, (summary) => ({
      ...summary,
      current: {
        generation: 1,
        serialNumber: at.toString(16).padStart(32, '0'),
        notBefore,
        notAfter,
        issuedAt: notBefore,
      },
      renewal: { at: renew },
    }));
  }
  await planned(packages, storage, { ...clock, now: () => Temporal(Date.now()) });
  return storage;
}

/** Puts it into files as the driver lays them out: flushed writes would take an hour. */
export async function laidOut({ fileStorage }, storage, path) {
  const files = fileStorage({ path });
  await files.write([{ set: 'bench', value: new Uint8Array(1) }]);
  await files[Symbol.asyncDispose]();
  const folders = new Set();
  let count = 0;
  for await (const { key, value } of storage.list('')) {
    if (key.startsWith('events/')) continue;
    const file = join(path, `${key}=`);
    if (!folders.has(dirname(file))) await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    folders.add(dirname(file));
    await writeFile(file, Buffer.concat([Buffer.from(`acmex1 bench.${(count += 1)}\n`), value]), {
      mode: 0o600,
    });
  }
}

/** Makes the plans as the server's configuration does, and looks at the alarms, so that a server
 * finds nothing to write. */
async function planned(packages, storage, clock) {
  const { CertificateMaintenance, Provisioner, scanAlarms } = packages;
  const provisioner = new Provisioner({
    storage,
    issuers: [],
    clock,
    checkRevocationEvery: { hours: 24 },
  });
  await new CertificateMaintenance({ storage, provisioner, clock }).replan();
  await scanAlarms({ storage });
}

function Temporal(milliseconds) {
  const text = new Date(milliseconds).toISOString();
  return { epochMilliseconds: milliseconds, toString: () => text };
}

/** Writes it to Redis, encrypted. */
async function writtenToRedis(packages, storage, { url, encryptionKey }) {
  const { encryptedStorage, parseEncryptionKey, redisStorage } = packages;
  const keys = [parseEncryptionKey(encryptionKey)];
  const target = await encryptedStorage(redisStorage({ url }), { keys });
  let changes = [];
  for await (const { key, value } of storage.list('')) {
    if (key.startsWith('events/')) continue;
    changes.push({ set: key, value });
    if (changes.length < 100) continue;
    await target.write(changes);
    changes = [];
  }
  await target.write(changes);
  await target[Symbol.asyncDispose]();
}
