import { generateKeyPairSync } from 'node:crypto';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeWith, eventually, type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Serving, serving, startCa, type TestCa } from '../serving.testing.ts';

describeWith(['openssl'], 'a certificate whose key a program signs with', () => {
  let ca: TestCa;
  let folder: TemporaryFolder;
  let server: Serving;
  beforeAll(async () => {
    [ca, folder] = await Promise.all([startCa(), temporaryFolder('signer')]);
    const [program, key] = [join(folder.path, 'sign'), join(folder.path, 'key.pem')];
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    await writeFile(key, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
    const sign = `openssl pkeyutl -sign -inkey '${key}'`;
    await writeFile(
      program,
      `#!/bin/sh\nif [ "$1" = sign ]; then ${sign}; else openssl pkey -in '${key}' -pubout; fi\n`,
    );
    await chmod(program, 0o700);
    server = await serving({
      ca,
      environment: { PATH: process.env.PATH ?? '' },
      toml: `[keys.programs.kms]\ncommand = ["${program}"]\n[[certificates]]\nnames = ["device.test"]\nkey = "kms:web"\n`,
    });
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await ca?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  it('keeps the type of its key, and refuses a different one', async () => {
    const current = async () =>
      (await server.call('GET', '/api/certificates?name=device.test')).body.items?.[0];
    await eventually(async () => (await current())?.keyType === 'ec-p384');
    const { id } = await current();
    for (const [method, path] of [
      ['PATCH', `/api/certificates/${id}`],
      ['PUT', '/api/certificates/device.test'],
    ] as const)
      await expect(
        server.call(method, path, { body: { keyType: 'rsa-2048' } }),
      ).resolves.toMatchObject({
        status: 422,
        body: {
          code: 'ERR_ORCHESTRATOR_INPUT',
          detail: expect.stringMatching(/in a device and has the type ec-p384, .* leave/),
        },
      });
    await expect(
      server.call('PUT', '/api/certificates/device.test', { body: {} }),
    ).resolves.toMatchObject({ status: 200, body: { keyType: 'ec-p384' } });
  });
  it('is issued and shown; its chain can be read, and no answer has its key', async () => {
    const path = async () => {
      const { body } = await server.call('GET', '/api/certificates?name=device.test');
      return `/api/certificates/${body.items?.[0]?.id}`;
    };
    await eventually(
      async () => (await server.call('GET', `${await path()}/chain`)).status === 200,
    );
    const certificate = await path();
    for (const part of ['private-key', 'bundle'])
      await expect(server.call('GET', `${certificate}/${part}`)).resolves.toMatchObject({
        status: 422,
        body: {
          code: 'ERR_KEY_NOT_EXPORTABLE',
          detail: expect.stringContaining('cannot leave it'),
        },
      });
  });
});
