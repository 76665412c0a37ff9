import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { virtualClock } from '@acmex/clock';
import { memoryStorage, type Storage } from '@acmex/storage';
import { fileStorage } from '@acmex/storage-file';
import { removeFolder } from '@acmex/services';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import {
  declarationContract,
  type DeclarationSubject,
  duplicatesContract,
} from './declaration.testing.ts';
import { CertificateStore, Provisioner } from './index.ts';
import { type TestIssuer, testIssuer } from './issuer.testing.ts';

let folder: string;
beforeAll(async () => {
  // In memory where there is such a folder: fifty rounds then take a third of the time.
  const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  folder = await mkdtemp(join(parent, 'acmex-declare-'));
});
afterAll(async () => {
  await removeFolder(folder);
});

const newFolder = async () => await mkdtemp(join(folder, 'data-'));
const storages: Readonly<Record<string, () => Promise<Storage>>> = {
  memory: async () => memoryStorage(),
  files: async () => fileStorage({ path: await newFolder() }),
};

describe.each(Object.keys(storages))('in a storage in %s,', (kind) => {
  let subject: DeclarationSubject;
  let issuers: readonly [TestIssuer, TestIssuer];
  beforeEach(async () => {
    const clock = virtualClock({ now: '2026-11-01T00:00:00Z' });
    const storage = await storages[kind]!();
    issuers = [await testIssuer(clock), await testIssuer(clock, 'other')];
    subject = {
      storage,
      clock,
      issuers,
      provisioner: new Provisioner({ storage, issuers, clock }),
    };
  });
  afterEach(async () => {
    await subject.storage[Symbol.asyncDispose]();
  });

  describe('a declared certificate', () => {
    it.each(declarationContract.map((clause) => [clause.title, clause] as const))(
      '%s',
      async (_, clause) => await clause.check(subject),
    );
  });
  describe('a search for duplicates', () => {
    it.each(duplicatesContract.map((clause) => [clause.title, clause] as const))(
      '%s',
      async (_, clause) => await clause.check(subject),
    );
  });
});

describe('two processes', () => {
  const rounds = 50;
  let processes: readonly ChildProcess[] = [];
  beforeAll(async () => {
    const program = join(folder, 'declare.mjs');
    await build({
      entryPoints: [join(import.meta.dirname, 'declaring-process.testing.ts')],
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
    processes = [fork(program), fork(program)];
  });
  afterAll(async () => {
    await Promise.all(
      processes.map(async (process) => {
        const ended = once(process, 'exit');
        process.kill();
        await ended;
      }),
    );
  });

  it(`that declare the same twenty entries at once create twenty certificates, ${rounds} times in a row`, async () => {
    for (let round = 0; round < rounds; round += 1) {
      const path = await newFolder();
      const changes = await Promise.all(
        processes.map(async (process) => {
          process.send(path);
          return ((await once(process, 'message')) as [readonly string[]])[0];
        }),
      );
      const ids = [];
      for await (const { id } of new CertificateStore({ storage: fileStorage({ path }) }).list())
        ids.push(id);
      expect(ids).toHaveLength(20);
      expect(changes.flat().filter((change) => change === 'created')).toHaveLength(20);
      expect(changes.flat().filter((change) => change === 'unchanged')).toHaveLength(20);
    }
  }, 120_000);
});
