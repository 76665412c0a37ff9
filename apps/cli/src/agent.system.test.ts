import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import {
  createServer as createPlainServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect, createServer as createRelay, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, createServer as createTlsServer } from 'node:tls';
import {
  createDevelopmentAuthority,
  loadAuthority,
  noLimits,
  saveAuthority,
  serverCertificate,
} from '@acmex/ca';
import { serveAcme } from '@acmex/ca/node';
import { type DurationInput, milliseconds, type SleepOptions, systemClock } from '@acmex/clock';
import { eventually, freePort, removeFolder, reportSoak } from '@acmex/services';
import { memoryStorage } from '@acmex/storage';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { acmex, type AcmexOptions } from './terminal.testing.ts';
import { otlpReceiver } from './tracing/otlp-receiver.testing.ts';

/** What lasts for all tests: a CA that takes every name, and one server with its storage. */
let base: string;
let ca: Awaited<ReturnType<typeof startCa>>;
let server: Awaited<ReturnType<typeof serving>>;
let admin: string;
/** Of one test. */
let folder: string;
let names = 0;
let name: string;
let certificate: string;
const at = (...path: readonly string[]) => join(folder, ...path);

async function startCa() {
  const storage = memoryStorage();
  await saveAuthority(storage, await createDevelopmentAuthority());
  const { issuer, root } = await loadAuthority(storage, { kind: 'development' });
  const tls = await serverCertificate({
    issuer,
    names: ['127.0.0.1', 'localhost'],
    repositoryUrl: 'https://localhost',
  });
  // What the CA waits between two looks is not what is tested here.
  const clock = {
    now: () => systemClock.now(),
    monotonic: () => systemClock.monotonic(),
    sleep: async (duration: DurationInput, options?: SleepOptions) =>
      await systemClock.sleep({ milliseconds: Math.ceil(milliseconds(duration) / 50) }, options),
  };
  const acme = await serveAcme({
    storage,
    issuer,
    clock,
    rateLimiter: noLimits(),
    onError: () => {
      /* the client hears of it */
    },
    validate: async () => ({ valid: true }),
  });
  return {
    directory: acme.directory,
    root,
    tls,
    [Symbol.asyncDispose]: acme[Symbol.asyncDispose],
  };
}

function portOf(listener: { address(): unknown }): number {
  return (listener.address() as AddressInfo).port;
}

/** A program at work: what it says, and its end. */
function running(args: readonly string[], options: AcmexOptions = {}) {
  const stop = new AbortController();
  const hangup = new EventTarget();
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const ended = acmex(args, {
    env: { HOME: folder ?? base, PATH: process.env.PATH },
    signal: stop.signal,
    hangup,
    ...options,
    onStderr: (text) => {
      lines.push(text);
      for (const check of waiting) check();
    },
  });
  return {
    ended,
    lines,
    hangup: () => hangup.dispatchEvent(new Event('hangup')),
    /** Until it has said so for the `count`th time. */
    async heard(words: string, count = 1): Promise<void> {
      const enough = () => lines.filter((line) => line.includes(words)).length >= count;
      if (enough()) return;
      await Promise.race([
        new Promise<void>((resolve) => {
          waiting.add(() => {
            if (enough()) resolve();
          });
        }),
        ended.then(({ stderr }) => {
          throw new Error(`it ended without a word of ${words}: ${stderr}`);
        }),
      ]);
    },
    async stop() {
      stop.abort('SIGTERM');
      return await ended;
    },
  };
}

async function serving() {
  const port = await freePort();
  const program = running([
    'serve',
    '--addr',
    `127.0.0.1:${port}`,
    '--config',
    join(base, 'acmex.toml'),
    '-l',
    'warn',
    '--storage',
    join(base, 'data'),
  ]);
  const url = `http://127.0.0.1:${port}`;
  for (;;) {
    const up = await Promise.race([
      fetch(`${url}/health/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
      program.ended.then(({ stderr }) => {
        throw new Error(stderr);
      }),
    ]);
    if (up) return { ...program, url, port };
    await systemClock.sleep({ milliseconds: 100 });
  }
}

/** Between agent and server: what a cable is, or a machine that dies. */
async function relayTo(target: number) {
  const sockets = new Set<Socket>();
  const relay = createRelay((from) => {
    const to = connect(target, '127.0.0.1');
    for (const socket of [from, to])
      socket
        .on('error', () => {
          from.destroy();
          to.destroy();
        })
        .on('close', () => {
          from.destroy();
          to.destroy();
          sockets.delete(socket);
        });
    sockets.add(from).add(to);
    from.pipe(to).pipe(from);
  });
  await once(relay.listen(0, '127.0.0.1'), 'listening');
  const port = portOf(relay);
  return {
    url: `http://127.0.0.1:${port}`,
    async cut() {
      relay.close();
      for (const socket of sockets) socket.destroy();
      await once(relay, 'close');
    },
    restore: async () => await once(relay.listen(port, '127.0.0.1'), 'listening'),
    [Symbol.dispose]: () => {
      relay.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into it
async function api(method: string, path: string, body?: object): Promise<any> {
  const answer = await fetch(`${server.url}${path}`, {
    method,
    headers: { 'x-api-key': admin, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${text}`);
  return /json/.test(answer.headers.get('content-type') ?? '')
    ? (JSON.parse(text) as unknown)
    : text;
}
async function ordered(names: readonly string[]): Promise<string> {
  const { id, certificate } = await api('POST', '/api/orders', { names });
  await api('GET', `/api/orders/${id}/events`);
  return String(certificate);
}
async function renewed(): Promise<string> {
  const { id } = await api('POST', `/api/certificates/${certificate}/renew`);
  await api('GET', `/api/orders/${id}/events`);
  return String((await api('GET', `/api/certificates/${certificate}`)).current.serialNumber);
}
const reported = async () => (await api('GET', `/api/agents?certificate=${certificate}`)).items[0];
/** A key in a file, for these names. */
async function keyFile(
  permitted: readonly string[],
  scopes: readonly string[] = ['certificates:read', 'private-keys:read', 'agents:write'],
  mode = 0o600,
): Promise<string> {
  const { key, id } = await api('POST', '/api/keys', { scopes, names: permitted });
  await writeFile(at(`${id}.key`), `${key}\n`, { mode });
  await chmod(at(`${id}.key`), mode);
  return at(`${id}.key`);
}
/** The name of this test's host: it belongs to the key that first reports for it. */
const hostName = () => `host-${name}`;
const agentArgs = async (...more: readonly string[]) => [
  'agent',
  '--server',
  server.url,
  '--key-file',
  await keyFile([name]),
  '--directory',
  at('tls'),
  '--name',
  hostName(),
  ...more,
];
const files = async () => {
  const [chain, key] = await Promise.all(
    ['fullchain.pem', 'privkey.pem'].map(
      async (file) => await readFile(at('tls/live', name, file), 'utf8'),
    ),
  );
  return { leaf: new X509Certificate(chain!), key: createPrivateKey(key!), text: key! };
};
const serialOf = async () => (await files()).leaf.serialNumber.toLowerCase();
async function hook(text: string): Promise<string> {
  await writeFile(at('hook'), `#!/bin/sh\n${text}\n`, { mode: 0o700 });
  return at('hook');
}
const hooked = async () =>
  (await readFile(at('hooked'), 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'acmex-agents-'));
  ca = await startCa();
  await writeFile(join(base, 'root.pem'), ca.root);
  await mkdir(join(base, 'webroot'));
  await writeFile(
    join(base, 'acmex.toml'),
    `[acme]\nca = "custom"\nca_custom_url = "${ca.directory}"\nca_certificate = "${base}/root.pem"\ntos_agreed = true\n[challenge.http01]\nwebroot = "${base}/webroot"\n`,
    { mode: 0o600 },
  );
  server = await serving();
  admin = (
    await acmex(
      [
        'server',
        'key',
        'create',
        '--config',
        join(base, 'acmex.toml'),
        '--storage',
        join(base, 'data'),
      ],
      { env: { HOME: base } },
    )
  ).stdout.trim();
}, 60_000);
afterAll(async () => {
  await server.stop();
  await ca[Symbol.asyncDispose]();
  await removeFolder(base);
}, 60_000);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-agent-'));
  name = `n${(names += 1)}.test`;
  certificate = await ordered([name]);
});
afterEach(async () => {
  await removeFolder(folder);
});

describe('a certificate with two key types', () => {
  it('is written by the agent as one, and the API has both by their types', async () => {
    const [first, second] = ['ec-p256', 'rsa-2048'];
    await api('PATCH', `/api/certificates/${certificate}`, { secondKeyType: second });
    const { order } = await api('GET', `/api/certificates/${certificate}`);
    await api('GET', `/api/orders/${order}/events`);
    const issued = await api('GET', `/api/certificates/${certificate}`);
    expect(issued).toMatchObject({
      keyType: first,
      secondKeyType: second,
      current: { second: { keyType: second, serialNumber: expect.any(String) } },
    });
    const { serialNumber, second: inUse } = issued.current;
    const args = await agentArgs(
      ...['--once', '--deploy-hook'],
      await hook(`echo "$ACMEX_SERIAL $ACMEX_SECOND_SERIAL" >> ${at('hooked')}`),
    );
    await expect(acmex(args)).resolves.toMatchObject({ code: 0 });
    await expect(acmex(args)).resolves.toMatchObject({ code: 0 });
    expect(await hooked()).toEqual([`${serialNumber} ${inUse.serialNumber}`]);
    const read = async (file: string) => await readFile(at('tls/live', name, file), 'utf8');
    const rsa = new X509Certificate(await read('fullchain-rsa.pem'));
    expect(rsa.serialNumber.toLowerCase()).toBe(inUse.serialNumber);
    expect(rsa.checkPrivateKey(createPrivateKey(await read('privkey-rsa.pem')))).toBe(true);
    expect(await serialOf()).toBe(serialNumber);
    await expect(reported()).resolves.toMatchObject({ state: 'current', serialNumber });

    const path = `/api/certificates/${certificate}`;
    expect(await api('GET', `${path}/chain?keyType=${second}`)).toBe(
      await read('fullchain-rsa.pem'),
    );
    expect(await api('GET', `${path}/private-key?keyType=${second}`)).toBe(
      await read('privkey-rsa.pem'),
    );
    expect(await api('GET', `${path}/chain`)).toBe(await read('fullchain.pem'));
    const { chain } = await api('GET', `${path}/details?keyType=${second}`);
    expect(chain[0]).toMatchObject({ keyType: second, serialNumber: inUse.serialNumber });
    await expect(api('GET', `${path}/chain?keyType=ec-p384`)).rejects.toThrow(
      'use ec-p256 or rsa-2048',
    );
    await expect(api('PATCH', path, { secondKeyType: 'ec-p384' })).rejects.toThrow(
      'use an RSA type and an EC type',
    );
  });
});

describe('acmex agent --once', () => {
  it('writes certificate and key, runs the hook once, reports to the server, and has nothing to do the next time', async () => {
    const args = await agentArgs(
      '--once',
      '--deploy-hook',
      `${await hook(`echo "$ACMEX_SERIAL $ACMEX_NAMES $1 $TOKEN" >> ${at('hooked')}`)} reload`,
    );
    const first = await acmex(args, { env: { PATH: process.env.PATH, TOKEN: 'canary' } });
    expect([first.code, first.stdout]).toEqual([0, '']);
    const { leaf, key, text } = await files();
    expect([
      leaf.subjectAltName,
      leaf.checkPrivateKey(key),
      (await stat(at('tls/live', name, 'privkey.pem'))).mode & 0o777,
    ]).toEqual([`DNS:${name}`, true, 0o600]);
    expect(await hooked()).toEqual([`${await serialOf()} ${name} reload `]);
    await expect(reported()).resolves.toMatchObject({
      agent: hostName(),
      state: 'current',
      evidence: 'files',
      serialNumber: await serialOf(),
    });
    await expect(acmex(args)).resolves.toMatchObject({ code: 0 });
    expect(await hooked()).toHaveLength(1);
    expect(
      (await api('GET', `/api/events?type=private_key_read&certificate=${certificate}`)).items,
    ).toHaveLength(1);
    const agents = await acmex([
      'server',
      'agents',
      '--config',
      join(base, 'acmex.toml'),
      '--storage',
      join(base, 'data'),
      '-o',
      'json',
    ]);
    expect(JSON.parse(agents.stdout)).toContainEqual(
      expect.objectContaining({
        agent: hostName(),
        state: 'current',
        names: name,
        serves: await serialOf(),
      }),
    );
    for (const line of first.stderr.trim().split('\n'))
      expect(JSON.parse(line)).toMatchObject({
        time: expect.any(String),
        level: expect.any(String),
        msg: expect.any(String),
      });
    expect(first.stderr).not.toContain(text.split('\n')[1]);
    await rm(at('tls/live', name, 'privkey.pem'));
    await expect(acmex(args)).resolves.toMatchObject({ code: 0 });
    expect((await files()).text).toBe(text);
  });
  it('has all that its key may see, or those that are named, each in a folder of its own', async () => {
    const [apiId, twin] = [await ordered([`api.${name}`]), await ordered([name, `www.${name}`])];
    const args = [
      'agent',
      '--once',
      '--server',
      server.url,
      '--key-file',
      await keyFile([name, `*.${name}`]),
      '--directory',
    ];
    await expect(acmex([...args, at('all')])).resolves.toMatchObject({ code: 0 });
    expect((await readdir(at('all/live'))).sort()).toEqual(
      [`api.${name}`, name, `${name}-${twin}`].sort(),
    );
    await expect(
      acmex([...args, at('some'), '--certificate', apiId, '--certificate', `www.${name}`]),
    ).resolves.toMatchObject({ code: 0 });
    expect((await readdir(at('some/live'))).sort()).toEqual([`api.${name}`, name].sort());
  });
  it('continues the trace of the order where the variables of OpenTelemetry are set, in its requests too', async () => {
    const requests: string[] = [];
    const front = createPlainServer((request, response) => {
      requests.push(`${request.url} ${request.headers.traceparent}`);
      forward(request, response);
    });
    await once(front.listen(0, '127.0.0.1'), 'listening');
    await using receiver = await otlpReceiver();
    const variables = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
    // The packages of OpenTelemetry read the environment of the process.
    Object.assign(process.env, variables);
    try {
      const url = `http://127.0.0.1:${portOf(front)}`;
      const args = ['--once', '--deploy-hook', await hook('exit 0'), '--server', url];
      const [command = '', , , ...more] = await agentArgs(...args);
      await expect(acmex([command, ...more], { env: variables })).resolves.toMatchObject({
        code: 0,
      });
    } finally {
      delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
      front.close();
    }
    const { current } = await api('GET', `/api/certificates/${certificate}`);
    const [, traceId, orderSpan] = String(current.traceparent).split('-');
    expect(receiver.spans).toEqual([
      { name: 'deploy', traceId, parent: orderSpan, spanId: expect.any(String) },
    ]);
    const ofTrace = requests.filter((request) => !request.endsWith('undefined'));
    expect(ofTrace).toEqual([
      `/api/certificates/${certificate}/bundle 00-${traceId}-${receiver.spans[0]?.spanId}-01`,
    ]);
  });
  it('trusts a private CA where it is given, and no one otherwise', async () => {
    const front = createServer({ cert: ca.tls.chain, key: Buffer.from(ca.tls.key) }, forward);
    await once(front.listen(0, '127.0.0.1'), 'listening');
    const args = [
      'agent',
      '--once',
      '--server',
      `https://127.0.0.1:${portOf(front)}`,
      '--key-file',
      await keyFile([name]),
      '--directory',
      at('tls'),
    ];
    await expect(acmex(args)).resolves.toMatchObject({
      code: 4,
      stderr: expect.stringContaining('--ca-certificate'),
    });
    await expect(
      acmex([...args, '--ca-certificate', join(base, 'root.pem')]),
    ).resolves.toMatchObject({ code: 0 });
    expect((await files()).leaf.subjectAltName).toBe(`DNS:${name}`);
    front.close();
    front.closeAllConnections();
  });
  it.each<[string, number, string, () => Promise<readonly string[]>]>([
    [
      'a key that is none',
      5,
      'ERR_AGENT_SERVER_REFUSED',
      async () => {
        await writeFile(at('wrong.key'), 'ak_default.wrong', { mode: 0o600 });
        return ['--server', server.url, '--key-file', at('wrong.key')];
      },
    ],
    [
      'a key for other names',
      5,
      'ERR_AGENT_NO_CERTIFICATE',
      async () => [
        '--server',
        server.url,
        '--key-file',
        await keyFile(['other.test']),
        '--certificate',
        name,
      ],
    ],
    [
      'an id that is not for its key',
      5,
      'ERR_AGENT_NO_CERTIFICATE',
      async () => [
        '--server',
        server.url,
        '--key-file',
        await keyFile(['other.test']),
        '--certificate',
        certificate,
      ],
    ],
    [
      'a key that may read no private key',
      5,
      'private-keys:read',
      async () => [
        '--server',
        server.url,
        '--key-file',
        await keyFile([name], ['certificates:read']),
      ],
    ],
    [
      'a key that others can read',
      2,
      'ERR_CONFIG_CREDENTIAL',
      async () => ['--server', server.url, '--key-file', await keyFile([name], undefined, 0o644)],
    ],
    [
      'a server that is not there',
      4,
      'ERR_AGENT_SERVER_UNREACHABLE',
      async () => ['--server', 'http://127.0.0.1:1', '--key-file', await keyFile([name])],
    ],
    [
      'a server that is reached in clear',
      2,
      'unencrypted',
      async () => ['--server', 'http://192.0.2.1', '--key-file', await keyFile([name])],
    ],
  ])('refuses %s, and writes nothing', async (_, code, words, args) => {
    const outcome = await acmex(['agent', '--once', '--directory', at('tls'), ...(await args())]);
    expect([outcome.code, outcome.stdout]).toEqual([code, '']);
    expect(outcome.stderr).toContain(words);
    expect(await readdir(at('tls/live')).catch(() => [])).toEqual([]);
  });
  it('says what could not be written, and what was there is whole', async () => {
    const args = await agentArgs('--once');
    await acmex(args);
    const before = await serialOf();
    const next = await renewed();
    // In the way of the folder that it would make.
    await writeFile(at('tls/archive', name, next), '');
    const { code, stderr } = await acmex(args);
    expect([code, stderr]).toEqual([8, expect.stringContaining('ERR_DEPLOY_FILE')]);
    const { leaf, key } = await files();
    expect([leaf.serialNumber.toLowerCase(), leaf.checkPrivateKey(key)]).toEqual([before, true]);
    await expect(reported()).resolves.toMatchObject({
      state: 'behind',
      serialNumber: before,
      failure: { code: 'ERR_DEPLOY_FILE' },
    });
    await rm(at('tls/archive', name, next));
    await expect(acmex(args)).resolves.toMatchObject({ code: 0 });
    expect(await serialOf()).toBe(next);
  });
  it('keeps what it has where the server gives out what does not belong together', async () => {
    await acmex(await agentArgs('--once'));
    const before = await serialOf();
    await renewed();
    const foreignId = await ordered(['other.test']);
    const [bundle, foreignBundle] = [
      await api('GET', `/api/certificates/${certificate}/bundle`),
      await api('GET', `/api/certificates/${foreignId}/bundle`),
    ] as string[];
    for (const [sent, code] of [
      [
        bundle!.replace(
          /^[^]*?END PRIVATE KEY-----\n/,
          foreignBundle!.slice(0, foreignBundle!.indexOf('-----BEGIN CERT')),
        ),
        'ERR_CERTIFICATE_KEY',
      ],
      [foreignBundle, 'ERR_CERTIFICATE_NAMES'],
      ['hello', 'ERR_CERTIFICATE_FORMAT'],
    ] as const) {
      const liar = createPlainServer((request, response) => {
        if (request.url?.endsWith('/bundle')) response.end(sent);
        else void forward(request, response);
      });
      await once(liar.listen(0, '127.0.0.1'), 'listening');
      const outcome = await acmex(
        [...(await agentArgs('--once', '--certificate', name)), '--server', server.url].map(
          (argument) => (argument === server.url ? `http://127.0.0.1:${portOf(liar)}` : argument),
        ),
      );
      expect([outcome.code === 0, outcome.stderr]).toEqual([false, expect.stringContaining(code)]);
      expect(await serialOf()).toBe(before);
      liar.close();
      liar.closeAllConnections();
    }
  });
});

/** To the server, as a proxy does it. */
async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(([key]) => !/^(host|connection)$/.test(key)),
  );
  const answer = await fetch(`${server.url}${request.url}`, {
    method: request.method ?? 'GET',
    headers: headers as Record<string, string>,
    ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}),
  });
  response
    .writeHead(
      answer.status,
      Object.fromEntries(
        [...answer.headers].filter(
          ([key]) => !/^(transfer-encoding|connection|keep-alive|content-length)$/.test(key),
        ),
      ),
    )
    .end(Buffer.from(await answer.arrayBuffer()));
}

describe('acmex agent', () => {
  it('has a renewal as soon as it is there, sees it served, and reports it', async () => {
    await mkdir(at('served'));
    // A server that reads its files again when asked to.
    const tls = createTlsServer({
      SNICallback: (_, done) => {
        Promise.all(
          ['fullchain.pem', 'privkey.pem'].map(async (file) => await readFile(at('served', file))),
        ).then(
          ([cert, key]) => done(null, createSecureContext({ cert, key })),
          (error: Error) => done(error),
        );
      },
    }).on('tlsClientError', () => {
      /* it has nothing yet */
    });
    await once(tls.listen(0, '127.0.0.1'), 'listening');
    const agent = running(
      await agentArgs(
        '--probe',
        `127.0.0.1:${portOf(tls)}`,
        '--deploy-hook',
        await hook(
          `cp "$ACMEX_CERT_PATH" "$ACMEX_KEY_PATH" ${at('served')} && echo "$ACMEX_SERIAL" >> ${at('hooked')}`,
        ),
      ),
    );
    await agent.heard('the hook succeeded');
    await reportIs((report) => report?.evidence === 'probe' && report.state === 'current');
    const begun = systemClock.monotonic();
    const serial = await renewed();
    await agent.heard('the hook succeeded', 2);
    expect(systemClock.monotonic() - begun).toBeLessThan(20_000);
    await reportIs(
      (report) =>
        report?.serialNumber === serial &&
        report.evidence === 'probe' &&
        report.failure === undefined,
    );
    expect([await serialOf(), (await hooked()).at(-1), (await hooked()).length]).toEqual([
      serial,
      serial,
      2,
    ]);
    await expect(agent.stop()).resolves.toMatchObject({
      code: 0,
      stderr: expect.stringContaining('stopped'),
    });
    expect(
      (await api('GET', `/api/events?type=private_key_read&certificate=${certificate}`)).items,
    ).toHaveLength(2);
    tls.close();
  }, 60_000);
  it('asks the other server at once where one dies, outlives the death of both, and loses no file by it', async () => {
    const second = await serving();
    using relays = {
      first: await relayTo(server.port),
      second: await relayTo(second.port),
      [Symbol.dispose]() {
        this.first[Symbol.dispose]();
        this.second[Symbol.dispose]();
      },
    };
    const agent = running([
      ...(await agentArgs()).map((argument) =>
        argument === server.url ? relays.first.url : argument,
      ),
      '--server',
      relays.second.url,
    ]);
    await agent.heard('installed');
    await relays.first.cut();
    await agent.heard(`using ${relays.second.url} from now on`);
    const next = await renewed();
    await agent.heard('installed', 2);
    expect(await serialOf()).toBe(next);
    await relays.second.cut();
    await agent.heard('the files stay as they are', 2);
    expect(await serialOf()).toBe(next);
    const last = await renewed();
    await relays.first.restore();
    await agent.heard('a server answers again');
    await agent.heard('installed', 3);
    expect(await serialOf()).toBe(last);
    await agent.stop();
    await second.stop();
  }, 90_000);
  it('reports a hook that fails without what it wrote of a key, keeps trying, and looks at once on request', async () => {
    const failing = await hook('cat "$ACMEX_KEY_PATH" >&2; exit 3');
    const agent = running(await agentArgs('--deploy-hook', failing));
    await agent.heard('ERR_DEPLOY_HOOK');
    await reportIs(
      (report) => report?.failure?.code === 'ERR_DEPLOY_HOOK' && report.state === 'behind',
    );
    expect(await reported()).not.toHaveProperty('serialNumber');
    await hook(`echo "$ACMEX_SERIAL" >> ${at('hooked')}`);
    agent.hangup();
    await agent.heard('the hook succeeded');
    await reportIs((report) => report?.failure === undefined && report?.state === 'current');
    expect(await hooked()).toEqual([await serialOf()]);
    const { stderr } = await agent.stop();
    for (const line of (await files()).text.split('\n').slice(1, -2))
      expect(stderr).not.toContain(line);
    expect(stderr).toContain('(a private key)');
    // What was done is remembered.
    await expect(acmex(await agentArgs('--once', '--deploy-hook', failing))).resolves.toMatchObject(
      { code: 0 },
    );
    expect(await hooked()).toHaveLength(1);
  }, 60_000);
});

const hosts = process.env.ACMEX_SOAK === 'server' ? 50 : 12;
it(`gets a renewal to ${hosts} hosts within a minute, also when one of two servers dies before it`, async () => {
  const second = await serving();
  using relays = {
    first: await relayTo(server.port),
    second: await relayTo(second.port),
    [Symbol.dispose]() {
      this.first[Symbol.dispose]();
      this.second[Symbol.dispose]();
    },
  };
  const key = await keyFile([name]);
  const agents = Array.from({ length: hosts }, (_, at) =>
    running([
      'agent',
      '--server',
      relays.first.url,
      '--server',
      relays.second.url,
      '--key-file',
      key,
      '--directory',
      join(folder, `tls${at}`),
      '--name',
      `web${at}`,
    ]),
  );
  await Promise.all(agents.map(async (agent) => await agent.heard('installed')));
  await relays.first.cut();
  const serial = await renewed();
  const begun = systemClock.monotonic();
  await Promise.all(agents.map(async (agent) => await agent.heard(serial)));
  const took = systemClock.monotonic() - begun;
  if (hosts === 50) reportSoak(`all ${hosts} hosts have it after ${Math.round(took)} ms`);
  expect(took).toBeLessThan(60_000);
  for (const at of agents.keys())
    expect(
      new X509Certificate(
        await readFile(join(folder, `tls${at}`, 'live', name, 'fullchain.pem')),
      ).serialNumber.toLowerCase(),
    ).toBe(serial);
  await Promise.all(agents.map(async (agent) => await agent.stop()));
  await second.stop();
}, 180_000);

interface HostReport {
  readonly state: string;
  readonly evidence?: string;
  readonly serialNumber?: string;
  readonly failure?: { readonly code: string };
}

/** Waits until the server's report of the host is as expected: only the agent sees when it is sent. */
async function reportIs(isExpected: (report: HostReport | undefined) => boolean): Promise<void> {
  let report: HostReport | undefined;
  await eventually(
    async () => {
      report = await reported();
      return isExpected(report);
    },
    60,
    () => `the server knows only ${JSON.stringify(report)}`,
  );
}
