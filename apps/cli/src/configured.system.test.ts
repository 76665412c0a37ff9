import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CertificateStore } from '@acmex/orchestrator';
import { generateAccountKey } from '@acmex/protocol';
import { describeWith, eventually, removeFolder, startPebble } from '@acmex/services';
import { fileStorage } from '@acmex/storage-file';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { acmex, type AcmexOptions } from './terminal.testing.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-'));
});
afterEach(async () => {
  await removeFolder(folder);
});
const at = (file: string) => join(folder, file);

/** Runs a command with the configuration of this test. */
const run = async (args: readonly string[], options?: AcmexOptions) =>
  await acmex([...args, '--config', at('acmex.toml')], {
    ...options,
    env: { PATH: process.env.PATH, ...options?.env },
  });
const configured = async (toml: string) => {
  await writeFile(at('acmex.toml'), toml, { mode: 0o600 });
};
/** A program that adds a line to the file `said`. */
const program = async (name: string, line: string) => {
  await writeFile(at(name), `#!/bin/sh\necho "${line}" >> ${at('said')}\n`);
  await chmod(at(name), 0o700);
  return `["${at(name)}"]`;
};
const said = async () => (await readFile(at('said'), 'utf8').catch(() => '')).trimEnd().split('\n');
/** Waits for something; a daemon tries again after a minute what failed once. */
describe('acmex config', () => {
  it('shows what holds and where it came from, and no credential', async () => {
    await configured(
      '[acme]\ncontact = ["a@a.test"]\n\n[challenge.dns01]\nprovider = "cloudflare"\napi_token = "canary"\n',
    );
    const { code, stdout } = await run(['config', 'show', '--origin'], {
      env: { ACMEX_RENEWAL_CONCURRENCY: '7' },
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^renewal\.concurrency +7 +ACMEX_RENEWAL_CONCURRENCY$/m);
    expect(stdout).toMatch(/^acme\.contact +\["a@a\.test"\] +.*acmex\.toml:2$/m);
    expect(stdout).toMatch(/api_token +\[secret\]/);
    expect(stdout).not.toContain('canary');
    expect(JSON.parse((await run(['config', 'show', '-o', 'json'])).stdout)).toContainEqual({
      key: 'renewal.concurrency',
      value: '5',
    });
  });

  it('finds all faults at once, each with its line, and ends with 2', async () => {
    await configured('[acme]\ncontakt = ["a@a.test"]\n[renewal]\nconcurrency = "many"\n');
    const { code, stdout, stderr } = await run(['config', 'check']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('acmex.toml:2: acme.contakt');
    expect(stderr).toContain('acmex.toml:4: renewal.concurrency');
    expect(JSON.parse((await run(['config', 'check', '-o', 'json'])).stdout)).toMatchObject({
      faults: [{ key: 'acme.contakt' }, { key: 'renewal.concurrency' }],
    });
    // No other command runs with it.
    await expect(run(['cert', 'list'])).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('ERR_CONFIG_INVALID'),
    });
    await configured('[acme]\n');
    await expect(run(['config', 'check'])).resolves.toMatchObject({
      code: 0,
      stdout: expect.stringContaining('no fault'),
    });
  });

  it('writes a schema that knows every table', async () => {
    const { stdout } = await acmex(['config', 'schema']);
    expect(Object.keys((JSON.parse(stdout) as { readonly properties: object }).properties)).toEqual(
      expect.arrayContaining([
        'acme',
        'issuers',
        'storage',
        'challenge',
        'renewal',
        'certificates',
      ]),
    );
  });

  it('is refused by config check where others can read the credentials in it: L2', async () => {
    await configured('[storage]\nurl = "redis://:canary@127.0.0.1:6379"\n');
    await expect(run(['config', 'check'])).resolves.toMatchObject({ code: 0 });
    await chmod(at('acmex.toml'), 0o644);
    const { code, stderr } = await run(['config', 'check']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('acmex.toml:2: storage.url')]);
    expect(stderr).toMatch(/chmod 6[04]0/);
    expect(stderr).not.toContain('canary');
    const asJson = await run(['config', 'check', '-o', 'json']);
    expect([asJson.code, JSON.parse(asJson.stdout)]).toMatchObject([
      2,
      { faults: [{ key: 'storage.url' }] },
    ]);
    // Credentials in files and variables are not in it.
    await configured('[storage]\nencryption_key = { env = "KEY" }\n');
    await chmod(at('acmex.toml'), 0o644);
    expect((await run(['config', 'check'], { env: { KEY: 'canary' } })).stderr).not.toContain(
      'chmod',
    );
  });

  it('is refused by config check with an API key or a webhook secret that can be guessed: S17, L8', async () => {
    await configured(
      '[server]\napi_keys = ["0123456789abcdef0123456789abcdef"]\n[[server.webhooks]]\nname = "ci"\nsecret = "whsec_"\n',
    );
    const { code, stderr } = await run(['config', 'check']);
    expect(code).toBe(2);
    expect(stderr).toContain('acmex.toml:2: server.api_keys[0]');
    expect(stderr).toContain('acmex.toml:5: server.webhooks[0].secret');
    expect(stderr).not.toContain('0123456789abcdef');
  });

  it('is refused where others can write it', async () => {
    await configured('[acme]\n');
    await chmod(at('acmex.toml'), 0o666);
    await expect(run(['cert', 'list'])).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('chmod go-w'),
    });
  });

  it('gives way to flags, and gives values to those that were not given', async () => {
    await configured(`[storage]\nurl = "file:${at('one')}"\n[cli]\noutput_format = "json"\n`);
    await expect(run(['cert', 'list'])).resolves.toMatchObject({ code: 0, stdout: '[]\n' });
    await expect(run(['cert', 'list', '-o', 'text'])).resolves.toMatchObject({
      code: 0,
      stdout: '',
    });
    await expect(run(['cert', 'list', '--storage', at('absent\0')])).resolves.toMatchObject({
      code: expect.any(Number),
    });
  });
});

describeWith(['pebble', 'pebble-challtestsrv'], 'what acmex.toml declares, with Pebble', () => {
  let pebble: Awaited<ReturnType<typeof startPebble>>;
  beforeAll(async () => {
    pebble = await startPebble({ blockedDomains: ['blocked.test'] });
  });
  afterAll(async () => {
    await pebble?.[Symbol.asyncDispose]();
  });

  const base =
    () => `[acme]\nca = "custom"\nca_custom_url = "${pebble.directory}"\nca_certificate = "${pebble.caFile}"\ncontact = ["admin@a.test"]\ntos_agreed = true\n
[storage]\nurl = "file:${at('data')}"\n[challenge.http01]\nlisten_addr = "[::]:${pebble.httpPort}"\n`;
  const certificate = (names: string, more = '') =>
    `[[certificates]]\nnames = [${names}]\ndeploy = [{ directory = "${at('tls')}" }]\n${more}\n`;
  const list = async () =>
    JSON.parse((await run(['cert', 'list', '-o', 'json'])).stdout) as readonly {
      readonly id: string;
      readonly names: readonly string[];
      readonly keyType: string;
      readonly current?: { readonly generation: number };
    }[];

  it('is deployed as PKCS#12 with the passphrase of a file, which no record has', async () => {
    const passphrase = 'correct horse';
    await writeFile(at('secret'), passphrase, { mode: 0o600 });
    const step = `{ format = "pkcs12", path = "${at('site.p12')}", passphrase_file = "${at('secret')}" }`;
    await configured(`${base()}[[certificates]]\nnames = ["p12.test"]\ndeploy = [${step}]\n`);
    const { code, stdout, stderr } = await run(['renew']);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    const env = { ACMEX_PASSPHRASE: passphrase };
    const read = await acmex(['convert', at('site.p12'), '-', '--format', 'combined'], { env });
    expect(read.stdout).toMatch(/BEGIN PRIVATE KEY[^]*BEGIN CERTIFICATE/);
    expect((await stat(at('site.p12'))).mode & 0o777).toBe(0o600);
    const show = await run(['cert', 'show', 'p12.test', '-o', 'json']);
    const records = [];
    for await (const { value } of fileStorage({ path: at('data') }).list(''))
      records.push(new TextDecoder().decode(value));
    expect(records.length).toBeGreaterThan(0);
    for (const text of [stdout, stderr, show.stdout, ...records])
      expect(text).not.toContain(passphrase);
  });

  it('is obtained by renew alone: account, certificates, files; the same again does nothing', async () => {
    await configured(
      base() +
        certificate('"one.test", "www.one.test"') +
        certificate('"two.test"', 'key_type = "ec-p384"\nlabels = { team = "web" }'),
    );
    const first = await run(['renew']);
    expect([first.code, first.stdout]).toEqual([0, expect.stringContaining('renewed')]);
    expect((await list()).map(({ names, keyType }) => [...names, keyType])).toEqual([
      ['one.test', 'www.one.test', 'ec-p256'],
      ['two.test', 'ec-p384'],
    ]);
    expect(await readFile(at('tls/live/two.test/fullchain.pem'), 'utf8')).toContain(
      'BEGIN CERTIFICATE',
    );
    await expect(run(['renew'])).resolves.toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringContaining('nothing is due'),
    });
    const events = [];
    for await (const { value } of fileStorage({ path: at('data') }).list('events'))
      events.push((JSON.parse(new TextDecoder().decode(value)) as { readonly type: string }).type);
    expect(events.filter((type) => type === 'account_registered')).toHaveLength(1);
    // Another kind of key: ordered again. One that the file names no more stays.
    await configured(base() + certificate('"two.test"', 'key_type = "rsa-2048"'));
    const second = await run(['renew']);
    expect([second.code, second.stderr]).toEqual([0, expect.stringContaining('ordered again')]);
    expect((await list()).map(({ keyType, current }) => [keyType, current?.generation])).toEqual([
      ['ec-p256', 1],
      ['rsa-2048', 2],
    ]);
  });

  it('runs hooks: before and after once in a run, deploy for each, on_error for what failed', async () => {
    const hooks = `[renewal.hooks]\nbefore = ${await program('before', 'before')}\ndeploy = ${await program('deploy', 'deploy $ACMEX_NAMES $RENEWED_DOMAINS')}\nafter = ${await program('after', 'after')}\non_error = ${await program('failed', 'failed $ACMEX_NAMES')}\ndirectory = "${at('hooks')}"\n`;
    await mkdir(at('hooks'), { mode: 0o700 });
    await program('hooks/20-second', 'second');
    await program('hooks/10-first', 'first');
    await configured(
      base() +
        hooks +
        certificate('"a.test"') +
        certificate('"b.test"') +
        certificate('"blocked.test"') +
        certificate('"own.test"', `hooks = { deploy = ${await program('own', 'own')} }`),
    );
    const { code, stderr } = await run(['renew', '--concurrency', '1']);
    expect([code, stderr]).toEqual([5, expect.stringContaining('blocked.test')]);
    const lines = await said();
    expect(lines[0]).toBe('before');
    expect(lines.at(-1)).toBe('after');
    expect([...lines].sort()).toEqual([
      'after',
      'before',
      'deploy a.test a.test',
      'deploy b.test b.test',
      'failed blocked.test',
      ...Array<string>(3).fill('first'),
      'own',
      ...Array<string>(3).fill('second'),
    ]);
    expect(lines.indexOf('first')).toBeLessThan(lines.indexOf('second'));
    // What others could write stops the start.
    await chmod(at('hooks/10-first'), 0o777);
    await expect(run(['renew'])).resolves.toMatchObject({
      code: expect.any(Number),
      stderr: expect.stringContaining('ERR_DEPLOY_UNSAFE'),
    });
  });

  it('runs the hook after wherever the hook before ran: after a refusal, a failure and a stop', async () => {
    await configured(
      `${base()}[renewal.hooks]\nbefore = ${await program('before', 'before')}\nafter = ${await program('after', 'after')}\n`,
    );
    const obtain = async (name: string, options?: AcmexOptions) =>
      await run(['obtain', '-d', name, '--cert-path', at('c.pem'), '-k', at('k.pem')], options);
    const hooksOf = async (work: Promise<{ readonly code: number }>) => {
      await rm(at('said'), { force: true });
      const { code } = await work;
      return [code, ...(await said())];
    };
    expect(await hooksOf(obtain('blocked.test'))).toEqual([5, 'before', 'after']);
    const stop = new AbortController();
    const onStderr = (text: string) => {
      if (text.startsWith('order')) stop.abort('SIGINT');
    };
    const stopped = obtain('stopped.test', { signal: stop.signal, onStderr });
    expect(await hooksOf(stopped)).toEqual([130, 'before', 'after']);
    expect(await hooksOf(obtain('fine.test'))).toEqual([0, 'before', 'after']);
    // The second name is not known when the first is at work already.
    const names = ['-d', 'fine.test,unknown.test', '--force', '--concurrency', '1'];
    expect(await hooksOf(run(['renew', ...names]))).toEqual([2, 'before', 'after']);
  });

  it('fails to be deployed when what is due after the run fails, is tried again without an order, and says so', async () => {
    await configured(
      `${base()}[renewal.hooks]\nafter = ["${at('reload')}"]\n${certificate('"reload.test"')}`,
    );
    await writeFile(at('reload'), '#!/bin/sh\nexit 3\n', { mode: 0o700 });
    const failed = await run(['renew']);
    expect([failed.code, failed.stdout]).toEqual([8, expect.stringContaining('not deployed')]);
    await program('reload', 'reloaded');
    await expect(run(['renew', '-d', 'reload.test'])).resolves.toMatchObject({ code: 0 });
    expect([await said(), (await list())[0]?.current?.generation]).toEqual([['reloaded'], 1]);
  });

  it('is reloaded by a daemon at SIGHUP, and not used when it has faults', async () => {
    await configured(base() + certificate('"first.test"'));
    const [stop, hangup, heard] = [new AbortController(), new EventTarget(), [] as string[]];
    const daemon = run(['daemon'], {
      signal: stop.signal,
      hangup,
      onStderr: (text) => {
        heard.push(text);
      },
    });
    await eventually(
      () => heard.some((text) => text.includes(': deployed')),
      90,
      () => heard.join(''),
    );
    await configured('[acme]\nfault = 1\n');
    hangup.dispatchEvent(new Event('hangup'));
    await eventually(
      () => heard.some((text) => text.includes('the previous configuration stays in effect')),
      90,
      () => heard.join(''),
    );
    await configured(base() + certificate('"first.test"') + certificate('"second.test"'));
    hangup.dispatchEvent(new Event('hangup'));
    await eventually(
      async () => (await list()).filter(({ current }) => current).length === 2,
      90,
      () => heard.join(''),
    );
    await configured(`[storage]\nurl = "file:${at('elsewhere')}"\n`);
    hangup.dispatchEvent(new Event('hangup'));
    await eventually(
      () => heard.some((text) => text.includes('restart to use it')),
      90,
      () => heard.join(''),
    );
    stop.abort('SIGTERM');
    expect((await daemon).code).toBe(0);
  }, 120_000);

  it('says how late a renewal may be, also of what was issued before', async () => {
    await configured(base() + certificate('"early.test"'));
    await run(['renew']);
    const store = new CertificateStore({ storage: fileStorage({ path: at('data') }) });
    const [id = ''] = (await list()).map((certificate) => certificate.id);
    // This CA's certificates live for years: as if it were 90 days.
    const end = '2100-04-01T00:00:00Z';
    await store.change(id, (summary) => ({
      ...summary,
      current: { ...summary.current!, notBefore: '2100-01-01T00:00:00Z', notAfter: end },
      renewal: { at: '2100-03-01T00:00:00Z' },
    }));
    await configured(`${base()}[renewal]\nrenew_before_days = 40\n${certificate('"early.test"')}`);
    await run(['renew']);
    expect((await store.get(id)).renewal?.at).toBe('2100-02-20T00:00:00Z');
  });

  it('is what obtain begins with, where no flag says another: the CA of [acme], its terms, its port', async () => {
    await configured(base());
    const { code, stdout } = await run([
      'obtain',
      '-d',
      'plain.test',
      '--cert-path',
      at('c.pem'),
      '-k',
      at('k.pem'),
    ]);
    expect([code, stdout]).toEqual([0, expect.stringContaining('managed as')]);
    await expect(run(['renew', '-d', 'plain.test', '--force'])).resolves.toMatchObject({
      code: 0,
      stdout: expect.stringContaining('renewed'),
    });
  });

  it('has what is left of the limits of its CA shown with its account', async () => {
    const limits = [
      'new_orders = { count = 7, period_secs = 3600 }',
      'certificates_per_domain = { count = 1, period_secs = 604800 }',
    ];
    await configured(`${base()}[acme.limits]\n${limits.join('\n')}\n`);
    await run(['obtain', '-d', 'www.limited.test', '--cert-path', at('c.pem'), '-k', at('k.pem')]);
    const { code, stdout } = await run(['account', 'show']);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^new-orders +6 of 7 +20/m)]);
    expect(stdout).toMatch(/^certificates-per-domain +limited\.test +0 of 1 +20/m);
    const { budgets } = JSON.parse((await run(['account', 'show', '-o', 'json'])).stdout) as {
      readonly budgets: unknown;
    };
    expect(budgets).toEqual([
      expect.objectContaining({ limit: 'new-orders', capacity: 7, available: 6 }),
      expect.objectContaining({ subject: 'limited.test', capacity: 1, available: 0 }),
    ]);
  });

  it('has its account shown, changed, given another key and given up, and certificates revoked', async () => {
    await configured(base());
    await expect(run(['account', 'show'])).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('register one first'),
    });
    const made = await run(['account', 'register']);
    expect([made.code, made.stdout]).toEqual([0, expect.stringMatching(/^account +https:/m)]);
    await run(['obtain', '-d', 'revoked.test', '--cert-path', at('c.pem'), '-k', at('k.pem')]);
    await expect(run(['account', 'update', '-e', 'one@a.test,two@a.test'])).resolves.toMatchObject({
      code: 0,
      stdout: expect.stringContaining('mailto:one@a.test mailto:two@a.test'),
    });
    const [account] = JSON.parse((await run(['account', 'list', '-o', 'json'])).stdout) as [
      { readonly account: string },
    ];
    await expect(run(['account', 'accept-terms'])).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('use --accept-tos to confirm'),
    });
    await expect(run(['account', 'accept-terms', '--accept-tos'])).resolves.toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^status +valid$[^]*^terms +[^]*no certificate waits/m),
    });
    await expect(run(['account', 'rotate-key'])).resolves.toMatchObject({
      code: 0,
      stdout: expect.stringContaining(account.account),
    });
    await expect(run(['account', 'show'])).resolves.toMatchObject({
      code: 0,
      stdout: expect.stringContaining(account.account),
    });
    await expect(
      run(['cert', 'revoke', 'revoked.test', '--reason', 'superseded']),
    ).resolves.toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/ revoked .* revoked\.test/),
    });
    expect((await run(['cert', 'list'])).stdout).toContain('revoked');
    await expect(run(['status'])).resolves.toMatchObject({ code: 2 });
    await expect(run(['renew', '-d', 'revoked.test', '--force'])).resolves.toMatchObject({
      code: 0,
    });
    await expect(run(['status'])).resolves.toMatchObject({ code: 0 });
    await expect(run(['account', 'deactivate'])).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--force'),
    });
    await expect(run(['account', 'deactivate', '--force'])).resolves.toMatchObject({
      code: 0,
      stdout: expect.stringContaining('deactivated'),
    });
    await expect(run(['account', 'list', '-o', 'json'])).resolves.toMatchObject({ stdout: '[]\n' });
    const types = [];
    for await (const { value } of fileStorage({ path: at('data') }).list('events'))
      types.push((JSON.parse(new TextDecoder().decode(value)) as { readonly type: string }).type);
    expect(types).toEqual(
      expect.arrayContaining([
        'account_registered',
        'account_updated',
        'terms_accepted',
        'account_key_changed',
        'certificate_revoked',
      ]),
    );
  });

  it('keeps its account whichever way a change of the key was interrupted', async () => {
    await configured(base());
    await run(['account', 'register']);
    await using storage = fileStorage({ path: at('data') });
    const [place = ''] = await (async () => {
      const all: string[] = [];
      for await (const { key } of storage.list('account')) all.push(key);
      return all;
    })();
    const read = async () =>
      JSON.parse(new TextDecoder().decode((await storage.get(place))!.value)) as {
        readonly key: string;
        readonly next?: string;
      };
    const write = async (record: object) => {
      await storage.write([
        { set: place, value: new TextEncoder().encode(JSON.stringify(record)), secret: true },
      ]);
    };
    const before = await read();
    // The CA never heard of it.
    await write({ ...before, next: (await generateAccountKey()).pem });
    await expect(run(['account', 'show'])).resolves.toMatchObject({ code: 0 });
    expect(await read()).toEqual(before);
    // The CA has it, and the answer never came.
    await run(['account', 'rotate-key']);
    const { key } = await read();
    await write({ ...before, next: key });
    await expect(run(['account', 'show'])).resolves.toMatchObject({ code: 0 });
    expect(await read()).toMatchObject({ key });
  });
});
