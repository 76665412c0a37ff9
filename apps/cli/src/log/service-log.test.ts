import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { type Config, readConfig, Secret, secretsIn } from '@acmex/config';
import { taskLog } from '@acmex/observability';
import { temporaryFolder, type TemporaryFolder } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openLogFile } from './log-file.ts';
import { openServiceLog, type ServiceLogOptions } from './service-log.ts';

let folder: TemporaryFolder;
let directory = '';
beforeEach(async () => {
  folder = await temporaryFolder('log');
  directory = folder.path;
});
afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const configuration = async (
  overrides: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string>> = {},
): Promise<Config> =>
  await readConfig({
    ...{ cwd: directory, home: directory, file: false, environment },
    overrides: Object.entries(overrides).map(([key, value]) => ({ flag: key, key, value })),
  });

function opened({
  isTTY = false,
  ...options
}: Partial<ServiceLogOptions> & { isTTY?: boolean } = {}) {
  let text = '';
  const stderr = new Writable({
    write(chunk: Buffer, _, done) {
      text += chunk.toString();
      done();
    },
  });
  const service = openServiceLog(
    { stderr: Object.assign(stderr, { isTTY }) },
    { package: '@acmex/server', logLevel: 'info', ...options },
  );
  return { service, log: service.log, text: () => text, lines: () => linesOf(text) };
}

const linesOf = (text: string): readonly Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('the log of a service', () => {
  it('is one object of JSON per line, with the time, the level as a word and the package', () => {
    const { log, lines } = opened();
    log({ level: 'info', msg: 'ready' });
    const fields = {
      code: 'ERR_X',
      certificate: 'crt_1',
      order: 'ord_1',
      event: 'failed',
      traceId,
    };
    log({ level: 'warn', msg: 'late', package: '@acmex/manager', ...fields });
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    expect(lines()).toEqual([
      { time, level: 'info', package: '@acmex/server', msg: 'ready' },
      { time, level: 'warn', package: '@acmex/manager', msg: 'late', ...fields },
    ]);
  });
  it('is text on a terminal', () => {
    const { log, text } = opened({ isTTY: true });
    log({ level: 'info', msg: 'ready' });
    log({ level: 'warn', msg: 'late' });
    expect(text()).toBe('ready\nwarn: late\n');
  });
  it.each([true, false])(
    'has no line that text from elsewhere has made, and no control character (terminal: %s)',
    (isTTY) => {
      const { log, text } = opened({ isTTY });
      const forged = 'no\n{"level":"info","msg":"forged"}\r\u001b[31m\u2028\u202e\u009b';
      log({ level: 'warn', msg: forged, code: forged });
      expect(text().split('\n')).toHaveLength(2);
      expect(text().trimEnd()).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    },
  );
  it('has the levels of the configuration, and those of single packages', async () => {
    const { service, log, lines } = opened();
    const levels = { '@acmex/protocol': 'debug', '@acmex/manager': 'error' };
    service.configure(await configuration({ 'cli.log_level': 'warn', 'cli.log_levels': levels }));
    log({ level: 'info', msg: 'not this' });
    log({ level: 'warn', msg: 'nor this', package: '@acmex/manager' });
    log({ level: 'debug', msg: 'this', package: '@acmex/protocol' });
    log({ level: 'warn', msg: 'and this', package: '__proto__' });
    expect(lines().map(({ msg }) => msg)).toEqual(['this', 'and this']);
  });
  it('names the certificate and the trace of the task on each line that is written in it', async () => {
    const { log, lines } = opened();
    const tasks = taskLog(log);
    const watch = tasks.watching({});
    const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
    await watch.watchTask({ certificate: 'crt_1', traceparent }, async () => {
      await Promise.resolve();
      tasks.log({ level: 'warn', msg: 'the hook failed' });
    });
    tasks.log({ level: 'info', msg: 'outside' });
    expect(lines()).toEqual([
      expect.objectContaining({ msg: 'the hook failed', certificate: 'crt_1', traceId }),
      expect.not.objectContaining({ traceId }),
    ]);
  });
});

describe('the log of a service that has read credentials', () => {
  const password = 'pa55-w0rd/with+signs';
  it('repeats none of them, whole, encoded, in a URL or cut', async () => {
    const { service, log, text } = opened();
    const environment = { PASSWORD: password };
    const config = await configuration(
      {
        'server.api_keys': [{ env: 'PASSWORD' }],
        'storage.url': 'redis://:0ther-s3cret@127.0.0.1:6379/0',
      },
      environment,
    );
    service.configure(config);
    for (const secret of secretsIn(config.values)) await secret.reveal();
    const encoded = Buffer.from(password).toString('base64');
    log({ level: 'warn', msg: `it said ${password}, ${encoded}, 0ther-s3cret`, url: password });
    log({ level: 'warn', msg: `cut: ${password.slice(0, 8)}…` });
    for (const secret of [password, encoded, '0ther-s3cret', password.slice(0, 8)])
      expect(text()).not.toContain(secret);
    expect(text()).toContain('it said [secret]');
  });
  it('repeats no private key, and none of a credential that is not in the configuration', async () => {
    const credential = new Secret(async () => password);
    const { log, text } = opened({ credentials: [credential] });
    await credential.reveal();
    const pem = '-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----';
    log({ level: 'warn', msg: `hook: ${pem}`, output: { lines: [pem, password] } });
    expect(text()).toContain('(a private key)');
    for (const secret of ['MIGH', password]) expect(text()).not.toContain(secret);
  });
});

describe('a log file', () => {
  it('has the lines instead of standard error, for its user and group alone', async () => {
    const { service, log, text } = opened({ isTTY: true });
    const path = join(directory, 'acmex.log');
    service.configure(await configuration({ 'cli.log_file': path }));
    log({ level: 'info', msg: 'ready' });
    await service[Symbol.asyncDispose]();
    expect(linesOf(await readFile(path, 'utf8'))).toEqual([
      expect.objectContaining({ level: 'info', msg: 'ready' }),
    ]);
    expect(text()).toBe('');
  });
  it('is opened again when the configuration is read again: another program may have renamed it', async () => {
    const { service, log } = opened();
    const path = join(directory, 'acmex.log');
    const config = await configuration({ 'cli.log_file': path });
    service.configure(config);
    log({ level: 'info', msg: 'before' });
    await service[Symbol.asyncDispose]();
    await rename(path, `${path}.old`);
    service.configure(config);
    log({ level: 'info', msg: 'after' });
    await service[Symbol.asyncDispose]();
    const read = async (file: string) =>
      linesOf(await readFile(file, 'utf8')).map(({ msg }) => msg);
    expect([await read(`${path}.old`), await read(path)]).toEqual([['before'], ['after']]);
  });
  it('is replaced by a new one at its size, keeps as many earlier ones as configured, and splits no line', async () => {
    const failures: string[] = [];
    const file = openLogFile({
      ...{ path: join(directory, 'acmex.log'), size: '1000B', backupCount: 2 },
      onFailure: (line) => failures.push(line),
    });
    for (let at = 0; at < 100; at += 1)
      file.write(`${JSON.stringify({ at: `${at}`.padEnd(80) })}\n`);
    await file[Symbol.asyncDispose]();
    const names = (await readdir(directory)).sort();
    expect(names).toEqual(['acmex.log', 'acmex.log.1', 'acmex.log.2']);
    for (const name of names) linesOf(await readFile(join(directory, name), 'utf8'));
    expect(failures).toEqual([]);
  });
  it('that cannot be written is an error at the start, with the cure', async () => {
    const { service } = opened();
    const config = await configuration({ 'cli.log_file': join(directory, 'none', 'acmex.log') });
    expect(() => service.configure(config)).toThrow(
      expect.objectContaining({
        code: 'ERR_CLI_FILE',
        message: expect.stringMatching(/ENOENT.*make its directory/),
      }),
    );
  });
  it('that fails later loses no line: it and those that follow go to standard error', async () => {
    const { service, log, lines } = opened();
    service.configure(await configuration({ 'cli.log_file': '/dev/full' }));
    log({ level: 'info', msg: 'first' });
    await service[Symbol.asyncDispose]();
    log({ level: 'info', msg: 'second' });
    expect(lines().map(({ msg }) => msg)).toEqual([
      expect.stringContaining('the log file /dev/full cannot be written'),
      'first',
      'second',
    ]);
  });
});
