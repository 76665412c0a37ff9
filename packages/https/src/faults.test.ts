import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { errorCode } from '@acmex/errors';
import { eventually } from '@acmex/services';
import { memoryStorage, type Storage, StorageUnavailableError } from '@acmex/storage';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { handshake, served, type TestPrograms, testPrograms } from './autocert.testing.ts';

let programs: TestPrograms;
let storage: Storage;
afterEach(async () => await programs[Symbol.asyncDispose]());

async function begin(): Promise<TestPrograms> {
  storage = memoryStorage();
  programs = await testPrograms({ storage });
  return programs;
}

const presentedTo = async (servername?: string) => {
  const { certificate, isTrusted } = await handshake(programs.ports.https, {
    ca: programs.ca.root,
    ...(servername === undefined ? {} : { servername }),
  });
  return { names: certificate.subjectaltname, isTrusted, serial: certificate.serialNumber };
};

/** A ClientHello of TLS 1.2 with any bytes as its server name. RFC 8446 §4.1.2, RFC 6066 §3 */
function clientHello(name: Buffer): Buffer {
  const sized = (length: number, ...contents: readonly Buffer[]) => {
    const body = Buffer.concat(contents);
    const size = Buffer.alloc(length);
    size.writeUIntBE(body.length, 0, length);
    return Buffer.concat([size, body]);
  };
  const extension = (type: number, body: Buffer) =>
    Buffer.concat([Buffer.from([0, type]), sized(2, body)]);
  const hello = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    sized(1),
    // TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
    sized(2, Buffer.from([0xc0, 0x2b])),
    sized(1, Buffer.from([0])),
    sized(
      2,
      extension(0, sized(2, Buffer.from([0]), sized(2, name))),
      extension(10, sized(2, Buffer.from([0, 23]))),
      extension(11, sized(1, Buffer.from([0]))),
      extension(13, sized(2, Buffer.from([4, 3]))),
    ),
  ]);
  const message = Buffer.concat([Buffer.from([1]), sized(3, hello)]);
  return Buffer.concat([Buffer.from([22, 3, 1]), sized(2, message)]);
}

/** Returns the type of the first record that answers: 22 is a handshake, 21 an alert. */
async function answerTo(name: Buffer): Promise<number | 'closed'> {
  return await new Promise((resolve) => {
    const socket = connect(programs.ports.https, '127.0.0.1', () =>
      socket.write(clientHello(name)),
    );
    socket.once('data', (bytes) => {
      socket.destroy();
      resolve(bytes[0] ?? 'closed');
    });
    for (const event of ['error', 'close']) socket.once(event, () => resolve('closed'));
  });
}

/** The memory in use after garbage was collected, in MB. */
function heapMb(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed / 1e6;
}

describe('a server that clients test', () => {
  it('answers odd server names by its default certificate or by an alert, and asks allow for none', async () => {
    const asked: string[] = [];
    const { listen, errors } = await begin();
    const tls = await listen({
      names: [['first.test'], ['example.test']],
      allow: ({ name }) => {
        asked.push(name);
        return false;
      },
    });
    await tls.ready();
    const { serial } = await presentedTo('example.test');
    for (const name of ['EXAMPLE.test', 'example.test.'])
      await expect(presentedTo(name)).resolves.toMatchObject({ serial });
    for (const name of ['under_score.test', 'a b', undefined])
      await expect(presentedTo(name)).resolves.not.toMatchObject({ serial });
    const odd = ['example.test\0', '\0', '', ' ', 'example.test..', '.', '..', '*', '*.test'];
    const bytes = [
      ...odd.map((name) => Buffer.from(name)),
      Buffer.alloc(10, 0xff),
      Buffer.from('пример.test'),
      Buffer.alloc(255, 'a'),
      Buffer.alloc(300, 'a'),
      Buffer.from('../../etc/passwd'),
      Buffer.from('192.0.2.1'),
      Buffer.from('::1'),
      Buffer.from(`${'a.'.repeat(126)}test`),
    ];
    for (const name of bytes) expect([21, 22]).toContain(await answerTo(name));
    await expect(answerTo(Buffer.from('example.test'))).resolves.toBe(22);
    expect([asked, errors]).toEqual([[], []]);
  });

  it('refuses 2,000 names of one client, and neither asks allow, nor reports, nor remembers each', async () => {
    let asked = 0;
    const { listen, errors, ca } = await begin();
    await listen({
      allow: () => {
        asked += 1;
        return false;
      },
    });
    const names = Array.from({ length: 2000 }, (_, index) => `n${index}.test`);
    const answers = new Set<number | 'closed'>();
    const ask = async (left: number) => {
      while (names.length > left) answers.add(await answerTo(Buffer.from(names.pop() ?? '')));
    };
    const askUntil = async (left: number) => {
      await Promise.all(Array.from({ length: 20 }, async () => await ask(left)));
      return heapMb();
    };
    const before = await askUntil(1000);
    const after = await askUntil(0);
    expect(answers).not.toContain(22);
    expect([asked, ca.orders]).toEqual([20, 0]);
    // One for each refusal of allow, and one for all others in ten seconds.
    expect(errors.map(errorCode)).toContain('ERR_HTTPS_LIMIT');
    expect(errors.length).toBeLessThan(30);
    // Sockets may not be freed yet. Between the two are 1,000 names.
    expect(after - before).toBeLessThan(5);
  });
});

describe('a storage that fails', () => {
  it('has no effect on what is served, and is reported once', async () => {
    const { listen, errors } = await begin();
    const tls = await listen({ names: ['example.test'] });
    await served(tls);
    const { serial } = await presentedTo('example.test');
    const reads = jest.spyOn(storage, 'list').mockImplementation(() => {
      throw new StorageUnavailableError('the disk is away');
    });
    for (const name of ['example.test', 'a.test', 'b.test', undefined])
      await expect(presentedTo(name)).resolves.toMatchObject({ serial });
    reads.mockRestore();
    expect(errors.filter((error) => String(error).includes('the disk is away')).length).toBe(1);
  });

  it.each([
    ['key', 'generation', true],
    ['record', 'certificate', false],
  ])(
    'with a damaged %s: the program starts, serves the others, and reports it',
    async (_, kind, isObtainedAgain) => {
      const { listen, errors, stop } = await begin();
      const names = [['one.test'], ['two.test']];
      await listen({ names });
      await eventually(async () => (await presentedTo('one.test')).isTrusted);
      await eventually(async () => (await presentedTo('two.test')).isTrusted);
      await stop();
      const damaged: string[] = [];
      for await (const { key, value } of storage.list(kind))
        if (Buffer.from(value).toString().includes('"one.test"')) damaged.push(key);
      for (const set of damaged) await storage.write([{ set, value: Buffer.from('{"version":1') }]);
      expect(damaged).toHaveLength(1);
      await listen({ names });
      await expect(presentedTo('two.test')).resolves.toMatchObject({ isTrusted: true });
      await eventually(() => errors.length > 0);
      expect(errors.map(String).join()).toMatch(/one\.test|cannot be read/);
      if (isObtainedAgain) await eventually(async () => (await presentedTo('one.test')).isTrusted);
    },
  );
});

it('resumes sessions after a renewal, and presents the new certificate from its event on', async () => {
  const { listen, start, ports } = await begin();
  const tls = await listen({ names: ['example.test'] });
  await served(tls);
  const before = await presentedTo('example.test');
  const options = { servername: 'example.test', maxVersion: 'TLSv1.2' } as const;
  const { session } = await handshake(ports.https, options);
  const change = served(tls);
  await programs.makeDue();
  // A process that starts finds it due.
  await start({ names: ['example.test'] });
  await change;
  for (const name of ['example.test', undefined])
    expect((await presentedTo(name)).serial).not.toBe(before.serial);
  await expect(handshake(ports.https, { ...options, session })).resolves.toMatchObject({
    isResumed: true,
  });
  await expect(handshake(ports.https, options)).resolves.toMatchObject({ isResumed: false });
});

it('drops none of 200 connections when a renewed certificate takes over', async () => {
  const { listen, start, ports, ca } = await begin();
  const tls = await listen({ names: ['example.test'] });
  await served(tls);
  const { serial } = await presentedTo('example.test');
  const agent = new Agent({ keepAlive: true, maxSockets: 200, ca: ca.root });
  const ask = async () => {
    const asked = request({
      ...{ host: '127.0.0.1', port: ports.https, servername: 'example.test', agent },
    });
    const [response] = (await once(asked.end(), 'response')) as [IncomingMessage];
    response.resume();
    await once(response, 'end');
    return asked.reusedSocket;
  };
  const askAll = async () => await Promise.all(Array.from({ length: 200 }, ask));
  await askAll();
  await programs.makeDue();
  // A process that starts finds it due.
  await start({ names: ['example.test'] });
  await served(tls);
  expect((await presentedTo('example.test')).serial).not.toBe(serial);
  expect(new Set(await askAll())).toEqual(new Set([true]));
  agent.destroy();
});

it('serves on what has ended while the CA refuses to renew it, and reports it', async () => {
  const { listen, start, errors, ca } = await begin();
  const tls = await listen({ names: ['example.test'] });
  await served(tls);
  const { serial } = await presentedTo('example.test');
  ca.refuses = true;
  await programs.makeDue({ hasEnded: true });
  await start({ names: ['example.test'] });
  await eventually(() => errors.some((error) => String(error).includes('it is refused')));
  await eventually(() => errors.some((error) => errorCode(error) === 'ERR_HTTPS_NOT_RENEWED'));
  for (const name of ['example.test', undefined])
    await expect(presentedTo(name)).resolves.toMatchObject({ serial });
});
