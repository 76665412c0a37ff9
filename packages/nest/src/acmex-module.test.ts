import 'reflect-metadata';
import { once } from 'node:events';
import { mkdtemp, readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Autocert, autocert } from '@acmex/https';
import { freePort, type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { AcmexModule, type AcmexOptions } from './index.ts';

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder('nest');
});
afterAll(async () => await folder[Symbol.asyncDispose]());

@Controller()
class AppController {
  @Get()
  hello(): string {
    return 'Hello';
  }
}

async function application(options: AcmexOptions, https = true): Promise<INestApplication> {
  @Module({ imports: [AcmexModule.forRoot(options)], controllers: [AppController] })
  class AppModule {}
  const adapter = https ? new FastifyAdapter({ https: options.tls.options }) : new FastifyAdapter();
  return await NestFactory.create(AppModule, adapter, { logger: false });
}

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

describe('AcmexModule', () => {
  it('serves a Nest application with the local CA in development', async () => {
    const localCa = { path: join(folder.path, 'local-ca') };
    const tls = await autocert({ development: true, localCa, ports: { http: await freePort() } });
    const attach = jest.spyOn(tls, 'attach');
    const app = await application({ tls });
    await app.listen(0, '127.0.0.1');
    expect(attach).toHaveBeenCalledWith(app.getHttpServer());
    const ca = await readFile(join(localCa.path, 'root.pem'));
    const asked = get(await app.getUrl(), { ca, agent: false });
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    await expect(text(response)).resolves.toBe('Hello');
    await app.close();
  });

  it('answers port 80 in production until the application is closed', async () => {
    const http = await freePort();
    const app = await application({ tls: await inProduction({ http }) });
    await app.listen(0, '127.0.0.1');
    await expect(status(http)).resolves.toBe(308);
    await app.close();
    await expect(status(http)).rejects.toThrow();
  });

  it('does not start on a server without HTTPS', async () => {
    const tls = await inProduction({ http: await freePort() });
    const app = await application({ tls, http: false }, false);
    await expect(app.listen(0, '127.0.0.1')).rejects.toMatchObject({ code: 'ERR_HTTPS_OPTION' });
    await app.close();
  });
});
