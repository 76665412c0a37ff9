import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createCsr, parseChain, verifyIssued, webcrypto } from '@acmex/certificate';
import { AcmeClient, type ChallengeSolver, type IssuanceState } from '@acmex/client';
import { systemClock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { identifiers } from '@acmex/identifier';
import { acmeSession, generateAccountKey, newAccount } from '@acmex/protocol';
import { nodeFetch } from '@acmex/protocol/node';
import { freePort, reportSoak, type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { fileStorage } from '@acmex/storage-file';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { createAuthority, listIssued, saveAuthority } from './index.ts';

let folder: TemporaryFolder;
let program: string;
beforeAll(async () => {
  folder = await temporaryFolder('ca-kills');
  program = join(folder.path, 'served.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'served.testing.ts')],
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
  await folder?.[Symbol.asyncDispose]();
});

describe('a CA that is killed again and again', () => {
  const kills = process.env.ACMEX_SOAK === 'ca' ? 200 : 12;
  const lanes = 4;

  it(
    `loses nothing that it acknowledged, through ${kills} kills, and makes one certificate for each order`,
    async () => {
      const path = join(folder.path, 'data');
      await saveAuthority(
        fileStorage({ path }),
        await createAuthority({
          name: 'Kills',
          passphrase: 'correct horse battery',
          keyType: 'ec-p256',
          constraints: { domains: ['test'], addresses: [] },
        }),
      );
      const responses = new Map<string, string>();
      const web = createServer(({ url = '' }, response) => {
        response.end(responses.get(url.split('/').at(-1) ?? ''));
      }).listen(0, '127.0.0.1');
      await once(web, 'listening');
      const port = await freePort();
      let killed = 0;
      let server: ChildProcess | undefined;
      const serving = (async () => {
        for (;;) {
          const child = spawn(
            process.execPath,
            [program, path, String(port), String((web.address() as AddressInfo).port)],
            { stdio: ['ignore', 'pipe', 'inherit'] },
          );
          server = child;
          let lines = 0;
          child.stdout.setEncoding('utf8').on('data', (text: string) => {
            lines += text.split('\n').length - 1;
          });
          const said = async (wanted: number) => {
            while (lines < wanted) await once(child.stdout, 'data');
          };
          await said(1);
          if (killed === kills) return;
          // In the middle of a request: of one or another after some more.
          await said(2 + Math.floor(Math.random() * 40));
          await systemClock.sleep({ milliseconds: Math.floor(Math.random() * 10) });
          const ended = once(child, 'close');
          child.kill('SIGKILL');
          await ended;
          killed += 1;
        }
      })();

      try {
        using fetch = nodeFetch();
        const solver: ChallengeSolver = {
          type: 'http-01',
          supports: () => true,
          respond: async ({ token, keyAuthorization }) => ({ token, keyAuthorization }),
          present: async ({ token, keyAuthorization }) => {
            responses.set(String(token), String(keyAuthorization));
          },
          visible: async () => undefined,
          remove: async () => undefined,
        };
        const { key } = await generateAccountKey();
        const session = acmeSession({
          directory: `https://127.0.0.1:${port}/acme/directory`,
          key,
          fetch: (url, request) => fetch(url.replace('https:', 'http:'), request),
        });
        const acknowledged: string[] = [];
        let again = 0;
        /** Repeats what failed because no one answered; anything else is a fault. */
        const persist = async <T>(work: () => Promise<T>): Promise<T> => {
          for (;;) {
            try {
              return await work();
            } catch (error) {
              if (
                !['ERR_ACME_UNREACHABLE', 'ERR_ACME_ANSWER_LOST', 'ERR_ACME_TIMEOUT'].includes(
                  errorCode(error) ?? '',
                )
              )
                throw error;
              again += 1;
              await systemClock.sleep({ milliseconds: 100 });
            }
          }
        };
        await persist(() => newAccount(session, {}));
        const client = new AcmeClient({ session, solvers: [solver] });
        await Promise.all(
          Array.from({ length: lanes }, async (_, lane) => {
            for (let n = 0; killed < kills || n === 0; n += 1) {
              const names = identifiers([`n${n}.lane${lane}.test`]);
              const certificateKey = await webcrypto().generate('ec-p256');
              const csr = await createCsr({ identifiers: names, key: certificateKey });
              let state: IssuanceState | undefined;
              const { pem } = await persist(() =>
                client.issue(
                  { identifiers: names, csr },
                  {
                    state,
                    save: async (next) => {
                      state = next;
                    },
                  },
                ),
              );
              await verifyIssued(pem, { identifiers: names, publicKey: certificateKey.publicKey });
              acknowledged.push(parseChain(pem)[0]?.serialNumber ?? '');
            }
          }),
        );
        await serving;

        const orders: string[] = [];
        const serials: string[] = [];
        for await (const { serialNumber, order } of listIssued(fileStorage({ path }))) {
          serials.push(serialNumber);
          orders.push(order);
        }
        reportSoak(
          `the CA was killed ${killed} times: ${acknowledged.length} certificates acknowledged, ${acknowledged.filter((serial) => !serials.includes(serial)).length} lost; ${orders.length} issued for ${new Set(orders).size} orders; ${again} times the client began again`,
        );
        expect(acknowledged.filter((serial) => !serials.includes(serial))).toEqual([]);
        expect(new Set(orders).size).toBe(orders.length);
        expect(acknowledged.length).toBeGreaterThan(lanes);
      } finally {
        if (server && server.exitCode === null && server.signalCode === null) {
          const ended = once(server, 'close');
          server.kill('SIGKILL');
          await ended;
        }
        web.close();
        web.closeAllConnections();
      }
    },
    kills * 10_000 + 60_000,
  );
});
