import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { webcrypto } from '@acmex/certificate';
import { addressPolicy } from '@acmex/egress';
import { temporaryFolder } from '@acmex/services';
import { memoryStorage, type Storage } from '@acmex/storage';
import {
  acmeServer,
  createAuthority,
  createExternalAccount,
  issuerOf,
  networkValidator,
  nodeHandler,
  noLimits,
  type ServerFailure,
} from '../index.ts';
import { serveAcme } from '../node/index.ts';

/** A CA with everything that a client needs to get a certificate from it on this machine. */
export interface Subject extends AsyncDisposable {
  /** https. */
  readonly directory: string;
  /** The same CA over http, for clients that cannot trust a private root. */
  readonly plainDirectory: string;
  readonly rootFile: string;
  readonly folder: string;
  /** A web server shows the files below `.well-known/acme-challenge`. */
  readonly webroot: string;
  /** For hooks. */
  readonly env: Readonly<Record<string, string>>;
  readonly hook: string;
  readonly storage: Storage;
  readonly failures: readonly ServerFailure[];
  externalAccount(): Promise<{ readonly kid: string; readonly hmacKey: string }>;
}

export async function startSubject({ externalAccountRequired = false } = {}): Promise<Subject> {
  const folder = await temporaryFolder('interop');
  const webroot = join(folder.path, 'webroot');
  await mkdir(join(webroot, '.well-known/acme-challenge'), { recursive: true });
  const records = new Map<string, Set<string>>();
  const failures: ServerFailure[] = [];
  const storage = memoryStorage();
  const { root, issuing, issuingKey } = await createAuthority({
    name: 'Interop',
    passphrase: 'correct horse battery',
    keyType: 'ec-p256',
    constraints: { domains: ['test', 'localhost'], addresses: ['127.0.0.0/8'] },
  });
  const issuer = issuerOf({ chain: issuing, key: await webcrypto().import(issuingKey) });

  const web = await listening(
    createServer(async ({ url = '' }, response) => {
      const body = await readFile(join(webroot, new URL(url, 'http://x').pathname)).catch(
        () => undefined,
      );
      response.writeHead(body ? 200 : 404).end(body);
    }),
  );
  const control = await listening(
    createServer(async (request, response) => {
      const { name, token, value } = JSON.parse(await text(request)) as {
        name?: string;
        token?: string;
        value: string;
      };
      if (name !== undefined) records.set(name, (records.get(name) ?? new Set()).add(value));
      if (token !== undefined)
        await writeFile(join(webroot, '.well-known/acme-challenge', token), value);
      response.end();
    }),
  );
  const validate = networkValidator({
    egress: {
      policy: addressPolicy({ allow: ['127.0.0.0/8'] }),
      resolver: async () => ['127.0.0.1'],
    },
    resolver: { txt: async (name) => [...(records.get(name) ?? [])], caa: async () => [] },
    ports: { http: web.port, https: web.port },
  });
  const options = {
    storage,
    issuer,
    validate,
    externalAccountRequired,
    rateLimiter: noLimits(),
    onError: (failure: ServerFailure) => failures.push(failure),
  };
  const secure = await serveAcme(options, { hostname: 'localhost' });
  const plain = await listening(createServer());
  const plainAcme = acmeServer({ ...options, url: `http://localhost:${plain.port}/acme` });
  plain.server.on('request', nodeHandler(plainAcme.handler) as RequestListener);
  const rootFile = join(folder.path, 'root.pem');
  await writeFile(rootFile, root);
  return {
    directory: secure.directory,
    plainDirectory: plainAcme.directory,
    rootFile,
    folder: folder.path,
    webroot,
    storage,
    failures,
    env: { INTEROP_CONTROL: `http://127.0.0.1:${control.port}` },
    hook: join(import.meta.dirname, 'hook.mjs'),
    externalAccount: () => createExternalAccount(storage),
    async [Symbol.asyncDispose]() {
      await secure[Symbol.asyncDispose]();
      await plainAcme[Symbol.asyncDispose]();
      for (const { server } of [plain, web, control]) {
        server.close();
        server.closeAllConnections();
      }
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function listening<T extends Server>(
  server: T,
): Promise<{ readonly server: T; readonly port: number }> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}
