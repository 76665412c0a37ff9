import { once } from 'node:events';
import { mkdtemp, readFile } from 'node:fs/promises';
import { connect } from 'node:http2';
import { join } from 'node:path';
import { type Autocert, autocert } from '@acmex/https';
import { freePort, type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import Fastify from 'fastify';
import { acmex } from './index.ts';

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder('fastify');
});
afterAll(async () => await folder[Symbol.asyncDispose]());

/** In production, while the CA is away. */
async function inProduction(ports: { readonly http: number }): Promise<Autocert> {
  const tls = await autocert({
    ...{ development: false, names: ['example.test'], acceptTerms: true, ports, host: '127.0.0.1' },
    storage: await mkdtemp(join(folder.path, 'storage-')),
    fetch: async () => {
      throw new Error('the CA is away');
    },
  });
  return tls.on('error', () => undefined);
}

const status = async (port: number) =>
  (await fetch(`http://127.0.0.1:${port}/`, { redirect: 'manual' })).status;

describe('acmex', () => {
  it('serves a Fastify application by HTTP/2 with the local CA in development', async () => {
    const localCa = { path: join(folder.path, 'local-ca') };
    const tls = await autocert({ development: true, localCa, ports: { http: await freePort() } });
    const attach = jest.spyOn(tls, 'attach');
    const app = Fastify({ http2: true, https: tls.http2Options });
    await app.register(acmex, { tls });
    app.get('/', async () => 'Hello');
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    expect(attach).toHaveBeenCalledWith(app.server);
    const client = connect(url, { ca: await readFile(join(localCa.path, 'root.pem')) });
    const [body] = (await once(client.request({ ':path': '/' }), 'data')) as [Buffer];
    client.destroy();
    await app.close();
    expect(String(body)).toBe('Hello');
  });

  it('answers port 80 in production until the server is closed', async () => {
    const http = await freePort();
    const tls = await inProduction({ http });
    const app = Fastify({ https: tls.options });
    await app.register(acmex, { tls });
    await app.listen({ port: 0, host: '127.0.0.1' });
    await expect(status(http)).resolves.toBe(308);
    const second = await inProduction({ http });
    const late = Fastify({ https: second.options });
    await late.register(acmex, { tls: second });
    await expect(late.listen({ port: 0, host: '127.0.0.1' })).rejects.toMatchObject({
      code: 'ERR_HTTPS_LISTEN',
    });
    await late.close();
    await app.close();
    await expect(status(http)).rejects.toThrow();
  });

  it('leaves port 80 alone where the application does not want it', async () => {
    const http = await freePort();
    const tls = await inProduction({ http });
    const app = Fastify({ https: tls.options });
    await app.register(acmex, { tls, http: false });
    await app.listen({ port: 0, host: '127.0.0.1' });
    await expect(status(http)).rejects.toThrow();
    await app.close();
  });
});
