import { createPrivateKey } from 'node:crypto';
import { chmod, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { join } from 'node:path';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createSelfSigned, privateKeyPem, webcrypto } from '@acmex/certificate';
import { systemClock, virtualClock } from '@acmex/clock';
import { identifiers } from '@acmex/identifier';
import { CertificateStore } from '@acmex/orchestrator';
import { freePort, removeFolder, startWebhookReceiver } from '@acmex/services';
import { fileStorage } from '@acmex/storage-file';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { networkInterfaces, tmpdir } from 'node:os';
import { serve, type ServeOptions } from './serve.ts';
import { serving, startCa, type TestCa } from './serving.testing.ts';

let ca: TestCa;
beforeAll(async () => {
  ca = await startCa();
});
afterAll(async () => {
  await ca[Symbol.asyncDispose]();
  await Promise.all(folders.map(removeFolder));
});

const folders: string[] = [];
const optionsFor = async (
  toml: string,
  more: Partial<ServeOptions> = {},
): Promise<ServeOptions> => {
  const folder = await mkdtemp(join(tmpdir(), 'acmex-serve-'));
  folders.push(folder);
  const configFile = join(folder, 'acmex.toml');
  await writeFile(configFile, toml);
  await chmod(configFile, 0o600);
  return {
    environment: {},
    cwd: folder,
    home: folder,
    configFile,
    dataDirectory: join(folder, 'data'),
    version: '0.0.0',
    log: () => {
      /* not read here */
    },
    ...more,
  };
};
/** The certificate that is shown, and the status of `/health`. */
const inspect = async (url: string, root: string) =>
  await new Promise<{ certificate: PeerCertificate; status: number | undefined }>(
    (resolve, reject) => {
      get(
        `${url}/health`,
        { ca: root, agent: false, servername: 'own.test', headers: { host: 'own.test' } },
        (answer) => {
          const certificate = (answer.socket as TLSSocket).getPeerCertificate();
          answer.resume().on('end', () => resolve({ certificate, status: answer.statusCode }));
        },
      ).on('error', reject);
    },
  );

/** IPv4 addresses of this machine that others could reach. */
const outwardAddresses = () =>
  Object.values(networkInterfaces())
    .flatMap((addresses = []) => addresses)
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => address);

interface Message {
  readonly type: string;
  readonly timestamp: string;
  readonly data: unknown;
}

const weeklySummary = (url: string) => `
[server]
listen_addr = "127.0.0.1:0"
[notifications]
summary = "weekly"
allow = ["127.0.0.0/8"]
[[notifications.webhooks]]
name = "chat"
url = "${url}"
allow_http = true
events = ["certificate_added", "weekly_summary"]
`;

describe('a server', () => {
  it('warns once of X-Forwarded-For from a peer that it does not trust', async () => {
    await using server = await serving();
    for (const path of ['/health', '/health', '/api/keys'])
      await server.fetch(path, { headers: { 'x-forwarded-for': '192.0.2.1' } });
    expect(server.log.filter((line) => line.includes('X-Forwarded-For from 127.0.0.1'))).toEqual([
      expect.stringContaining('server.trusted_proxies'),
    ]);
  });
  it('does not start where keys would pass in clear, and does behind a proxy that is named', async () => {
    const port = await freePort();
    for (const place of ['0.0.0.0', '[::]'])
      await expect(
        serve(await optionsFor(`[server]\nlisten_addr = "${place}:${port}"`)),
      ).rejects.toMatchObject({ code: 'ERR_SERVER_EXPOSED' });
    const server = await serve(
      await optionsFor(
        `[server]\nlisten_addr = "0.0.0.0:${port}"\ntrusted_proxies = ["127.0.0.1"]\nhosts = ["acmex.example"]`,
      ),
    );
    expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
    // What comes from elsewhere than the proxy has passed in clear.
    for (const address of outwardAddresses())
      await expect(fetch(`http://${address}:${port}/health`)).rejects.toThrow('fetch failed');
    await server.stop({ within: { seconds: 1 } });
  });
  it('says which address it cannot listen on, and leaves nothing open', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    await expect(
      serve(await optionsFor(`[server]\nlisten_addr = "127.0.0.1:${port}"`)),
    ).rejects.toMatchObject({
      code: 'ERR_SERVER_LISTEN',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
    taken.close();
  });
  it.each([
    ['[audit]', '[audit]\nenabled = true'],
    ['[metrics]', '[metrics]\nprefix = "other"'],
  ])('says that a change of %s takes a restart', async (name, toml) => {
    await using server = await serving();
    await expect(server.reload(toml)).rejects.toMatchObject({
      code: 'ERR_SERVER_LISTEN',
      message: expect.stringContaining(`${name} changed in acmex.toml: restart the server`),
    });
  });
  it('takes the certificates of files beside acmex.toml at a reload, and refuses their faults', async () => {
    await using server = await serving();
    const names = async () => {
      const { body } = await server.call('GET', '/api/certificates');
      return (body as { items: { names: string[] }[] }).items.map((item) => item.names[0]).sort();
    };
    const file = join(server.folder, 'certificates.d', 'shops.csv');
    await mkdir(join(server.folder, 'certificates.d'), { mode: 0o700 });
    await writeFile(file, 'names,key_type\nshop.test,\npay.test,rsa-2048\n', { mode: 0o600 });
    await server.reload('');
    expect(await names()).toEqual(['pay.test', 'shop.test']);
    await writeFile(file, 'names,keytype\nshop.test,\n');
    await expect(server.reload('')).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      message: expect.stringContaining('shops.csv:1:7: keytype is not known: write key_type'),
    });
    expect(await names()).toEqual(['pay.test', 'shop.test']);
  });
  it('speaks TLS by a certificate that it gets and keeps itself', async () => {
    await using server = await serving({ ca, toml: '[server.tls]\nmanaged = "own.test"' });
    expect(server.url).toMatch(/^https:/);
    const { certificate, status } = await inspect(server.url, ca.root);
    expect([certificate.subjectaltname, status]).toEqual(['DNS:own.test', 200]);
  });
  it('speaks TLS by files, and shows others when they change', async () => {
    await using issued = await serving({ ca });
    const certificateOf = async (name: string) => {
      const {
        body: { id, certificate },
      } = await issued.call('POST', '/api/orders', { body: { names: [name] } });
      await issued.call('GET', `/api/orders/${id}/events`);
      return [
        (await issued.call('GET', `/api/certificates/${certificate}/chain`)).text,
        (await issued.call('GET', `/api/certificates/${certificate}/private-key`)).text,
      ] as const;
    };
    const port = await freePort();
    const options = await optionsFor('');
    const [cert, key] = [join(options.cwd, 'cert.pem'), join(options.cwd, 'key.pem')];
    const place = async ([chain, keyText]: readonly [string, string]) => {
      await writeFile(cert, chain);
      await writeFile(key, keyText);
    };
    await writeFile(
      String(options.configFile),
      `[server]\nlisten_addr = "127.0.0.1:${port}"\nhosts = ["own.test"]\n[server.tls]\ncertificate = "${cert}"\nkey = "${key}"`,
    );
    await expect(serve(options)).rejects.toMatchObject({
      code: 'ERR_SERVER_TLS',
      message: expect.stringContaining('cert.pem'),
    });
    await place(await certificateOf('own.test'));
    const server = await serve(options);
    try {
      const first = await inspect(server.url, ca.root);
      await writeFile(key, 'no key');
      await expect(server.reload()).rejects.toMatchObject({ code: 'ERR_SERVER_TLS' });
      expect((await inspect(server.url, ca.root)).certificate.serialNumber).toBe(
        first.certificate.serialNumber,
      );
      await issued.call('POST', '/api/orders/renew-all', { body: {} });
      await systemClock.sleep({ milliseconds: 10 });
      await place(await certificateOf('own.test'));
      await server.reload();
      expect((await inspect(server.url, ca.root)).certificate.serialNumber).not.toBe(
        first.certificate.serialNumber,
      );
    } finally {
      await server.stop({ within: { seconds: 1 } });
    }
  });
  it('opens an encrypted key of its files with the passphrase of the configuration', async () => {
    const options = await optionsFor('');
    const at = (name: string) => join(options.cwd, name);
    const pair = await webcrypto().generate('ec-p256');
    const key = createPrivateKey(Buffer.from(await privateKeyPem(pair)));
    const encryption = { cipher: 'aes-256-cbc', passphrase: 'correct horse' } as const;
    await writeFile(at('key.pem'), key.export({ type: 'pkcs8', format: 'pem', ...encryption }));
    const names = identifiers(['own.test', '127.0.0.1']);
    const certificate = await createSelfSigned({ identifiers: names, key: pair });
    await writeFile(at('cert.pem'), certificate);
    await writeFile(at('secret'), 'correct horse', { mode: 0o600 });
    await writeFile(at('wrong'), 'correct saddle', { mode: 0o600 });
    const start = async (passphrase: string) => {
      const tls = `certificate = "${at('cert.pem')}"\nkey = "${at('key.pem')}"\n${passphrase}`;
      const toml = `[server]\nlisten_addr = "127.0.0.1:0"\nhosts = ["own.test"]\n[server.tls]\n${tls}`;
      await writeFile(String(options.configFile), toml);
      return await serve(options);
    };
    await expect(start('')).rejects.toMatchObject({
      code: 'ERR_SERVER_TLS',
      message: expect.stringContaining('key.pem: the key is encrypted: set server.tls.passphrase'),
    });
    await expect(start(`passphrase = { file = "${at('wrong')}" }`)).rejects.toMatchObject({
      code: 'ERR_SERVER_TLS',
      message: expect.stringContaining('the passphrase is wrong'),
    });
    const server = await start(`passphrase = { file = "${at('secret')}" }`);
    try {
      const { status } = await inspect(server.url, certificate);
      expect(status).toBe(200);
    } finally {
      await server.stop({ within: { seconds: 1 } });
    }
  });
  it('sends the weekly summary of acmex.toml at its hour, and not again after a restart', async () => {
    await using receiver = await startWebhookReceiver();
    const clock = virtualClock({ now: '2026-11-30T06:59:50Z' });
    const options = await optionsFor(weeklySummary(receiver.url), { clock });
    await using storage = fileStorage({ path: options.dataDirectory });
    const store = new CertificateStore({ storage, clock });
    /** A message that comes again where the server has stopped in the meantime has the same id. */
    const received = (type: string) => {
      const bodies = new Map(receiver.received.map(({ id, body }) => [id, body]));
      const messages = [...bodies.values()].map((body) => JSON.parse(body) as Message);
      return messages.filter((message) => message.type === type);
    };
    const until = async (type: string, count: number) => {
      while (received(type).length < count) await receiver.next();
    };
    for (const week of [1, 2]) {
      await store.add({ names: [`week${week}.test`], issuer: 'ca', keyType: 'ec-p256' });
      const server = await serve(options);
      // The first thing that it does: no time passes for it.
      await until('certificate_added', week);
      expect(received('weekly_summary')).toHaveLength(week - 1);
      await clock.run(until('weekly_summary', week));
      await clock.run(server.stop({ within: { seconds: 1 } }));
      await clock.advance({ hours: 167, minutes: 59, seconds: 20 });
    }
    expect(received('weekly_summary')).toMatchObject([
      {
        timestamp: expect.stringMatching(/^2026-11-30T07:/),
        data: { totals: { certificates: 1 } },
      },
      {
        timestamp: expect.stringMatching(/^2026-12-07T07:/),
        data: { totals: { certificates: 2 } },
      },
    ]);
  });
  it('ends its streams and its long requests when it stops', async () => {
    const server = await serving({ ca });
    ca.refused.add('never.test');
    const {
      body: { id },
    } = await server.call('POST', '/api/orders', { body: { names: ['never.test'] } });
    const stream = await server.fetch(`/api/orders/${id}/events`, {
      headers: { 'x-api-key': server.key },
    });
    const text = stream.text().catch(() => 'cut');
    const begun = systemClock.monotonic();
    await server[Symbol.asyncDispose]();
    await text;
    expect(systemClock.monotonic() - begun).toBeLessThan(8000);
  });
});
