import { spawn } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { CertificateStore, Provisioner } from '@acmex/orchestrator';
import {
  acmeSession,
  generateAccountKey,
  getAccount,
  getOrder,
  listOrders,
  newAccount,
} from '@acmex/protocol';
import { nodeFetch } from '@acmex/protocol/node';
import { describeWith, freePort, removeFolder, reportSoak, startPebble } from '@acmex/services';
import { fileStorage } from '@acmex/storage-file';
import { http01Answers } from '@acmex/challenge/http-01';
import { tlsAlpn01Answers } from '@acmex/challenge/tls-alpn-01';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import type { Task } from './provision.testing.ts';
import { storedResponses } from './stored-responses.ts';

/**
 * Before and after each write in the soak; a sample of them in each run of the tests, another for
 * each type.
 */
const whole = process.env.ACMEX_SOAK === 'orchestrator';

describeWith(
  ['pebble', 'pebble-challtestsrv'],
  'a certificate that is ordered while the process is killed',
  () => {
    let pebble: Awaited<ReturnType<typeof startPebble>>;
    let folder: string;
    let program: string;
    beforeAll(async () => {
      pebble = await startPebble();
      folder = await mkdtemp(join(tmpdir(), 'acmex-kills-'));
      program = join(folder, 'provision.mjs');
      await build({
        entryPoints: [join(import.meta.dirname, 'provision.testing.ts')],
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
    });
    afterAll(async () => {
      await pebble?.[Symbol.asyncDispose]();
      await removeFolder(folder);
    });

    const run = async (task: Task) => {
      const child = spawn(process.execPath, [program, JSON.stringify(task)], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const [said, complained, [code, signal]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'close') as Promise<[number | null, string | null]>,
      ]);
      return { said, complained, code, signal };
    };

    it.each([
      ['http-01', 1],
      ['dns-01', 2],
      ['tls-alpn-01', 4],
    ] as const)(
      'by %s comes all the same: one order, one finalization, a key that fits, nothing on display',
      async (type, begin) => {
        let kills = 0;
        const asked = new Resolver();
        asked.setServers([pebble.challenges.dnsAddress]);
        for (let point = whole ? 1 : begin; ; point += whole ? 1 : 5) {
          const [write, when] = [
            Math.ceil(point / 2),
            point % 2 === 1 ? ('before' as const) : ('after' as const),
          ];
          const name = `p${point}-${type}.test`;
          const path = join(folder, name);
          const { key, pem } = await generateAccountKey();
          const session = acmeSession({
            directory: pebble.directory,
            key,
            fetch: nodeFetch({ ca: pebble.caCertificate }),
          });
          const { url } = await newAccount(session, { termsOfServiceAgreed: true });
          const task: Task = {
            path,
            name,
            type,
            directory: pebble.directory,
            ca: pebble.caCertificate,
            account: { url, key: pem },
            ports: { http: pebble.httpPort, tls: pebble.tlsPort },
            dns: {
              address: pebble.challenges.dnsAddress,
              managementUrl: pebble.challenges.managementUrl,
            },
          };
          const first = await run({ ...task, kill: { write, when } });
          if (first.signal === null) {
            expect([first.code, first.complained]).toEqual([0, '']);
            break;
          }
          kills += 1;
          expect(first.signal).toBe('SIGKILL');
          const second = await run(task);
          expect([second.code, second.complained]).toEqual([0, '']);

          await using storage = fileStorage({ path });
          const ids: string[] = [];
          for await (const certificate of new CertificateStore({ storage }).byName(name)) {
            ids.push(certificate.id);
            const { chain, privateKey } = (await new CertificateStore({ storage }).generation(
              certificate.id,
              1,
            ))!;
            expect(new X509Certificate(chain).checkPrivateKey(createPrivateKey(privateKey))).toBe(
              true,
            );
            expect(certificate.current?.generation).toBe(1);
          }
          expect(ids).toHaveLength(1);
          for await (const order of new Provisioner({ storage, issuers: [] }).orders())
            expect(order).toMatchObject({ state: 'succeeded', orphaned: 0 });
          for await (const { key } of storage.list('order-key')) throw new Error(`${key} is left`);
          const orders = await all(listOrders(session, await getAccount(session)));
          expect(orders).toHaveLength(1);
          expect((await getOrder(session, orders[0]!)).status).toBe('valid');
          await expect(
            asked.resolveTxt(`_acme-challenge.${name}`).catch(() => []),
          ).resolves.toEqual([]);
        }
        reportSoak(`${type}: killed at ${kills} points, and each certificate came with one order`);
        expect(kills).toBeGreaterThanOrEqual(whole ? 20 : 4);
      },
      300_000,
    );

    it.each(['http-01', 'tls-alpn-01'] as const)(
      'is answered for over %s by another process with the storage, though the CA never reaches the one that orders',
      async (type) => {
        const path = join(folder, `two-machines-${type}`);
        const { key, pem } = await generateAccountKey();
        const session = acmeSession({
          directory: pebble.directory,
          key,
          fetch: nodeFetch({ ca: pebble.caCertificate }),
        });
        const { url } = await newAccount(session, { termsOfServiceAgreed: true });
        const task: Task = {
          path,
          name: `elsewhere-${type}.test`,
          type,
          shared: true,
          directory: pebble.directory,
          ca: pebble.caCertificate,
          account: { url, key: pem },
          ports: { http: await freePort(), tls: await freePort() },
          dns: { address: '', managementUrl: '' },
        };
        await using storage = fileStorage({ path });
        const shared = storedResponses(storage, type);
        await using answers =
          type === 'http-01'
            ? await http01Answers({ shared, port: pebble.httpPort, host: '127.0.0.1' })
            : await tlsAlpn01Answers({ shared, port: pebble.tlsPort, host: '127.0.0.1' });
        expect(answers).toBeDefined();
        const { code, complained } = await run(task);
        expect([code, complained]).toEqual([0, '']);
        for await (const { key: left } of storage.list('response'))
          throw new Error(`${left} is left`);
      },
      60_000,
    );
  },
);

async function all<T>(some: AsyncIterable<T>): Promise<readonly T[]> {
  const list: T[] = [];
  for await (const entry of some) list.push(entry);
  return list;
}
