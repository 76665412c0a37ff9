import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { listIssued } from '@acmex/ca';
import { eventually, type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { memoryStorage } from '@acmex/storage';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ownCa, type OwnCa } from '../own-ca.testing.ts';
import { acmex, type AcmexOptions, typing } from '../terminal.testing.ts';

interface Applied {
  readonly applied: boolean;
  readonly changes: readonly {
    readonly change: string;
    readonly names: readonly string[];
    readonly differences: readonly {
      readonly key: string;
      readonly from?: unknown;
      readonly to?: unknown;
    }[];
    readonly orders?: string;
    readonly renews?: string;
    readonly expires?: string;
  }[];
  readonly renewals: readonly { readonly result: string; readonly names: string }[];
}

interface Listed {
  readonly id: string;
  readonly names: readonly string[];
  readonly paused: boolean;
  readonly retiredAt?: string;
  readonly keyType: string;
  readonly current?: { readonly generation: number; readonly revokedAt?: string };
}

describe('acmex apply', () => {
  const caStorage = memoryStorage();
  let ca: OwnCa;
  let folder: TemporaryFolder;
  const at = (...names: readonly string[]) => join(folder.path, ...names);

  beforeAll(async () => {
    ca = await ownCa({ storage: caStorage });
  });
  afterAll(async () => await ca?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    folder = await temporaryFolder('apply');
    await mkdir(at('www/.well-known/acme-challenge'), { recursive: true });
    await mkdir(at('certificates.d'), { mode: 0o700 });
    await writeFile(at('root.pem'), ca.root);
    await file(
      'acmex.toml',
      `[acme]\nca = "custom"\nca_custom_url = "${ca.directory}"\nca_certificate = "${at('root.pem')}"\ntos_agreed = true\n[challenge.http01]\nwebroot = "${at('www')}"\n[storage.file]\npath = "${at('data')}"\n`,
    );
  });
  afterEach(async () => await folder[Symbol.asyncDispose]());

  const file = async (name: string, text: string) =>
    await writeFile(at(name), text, { mode: 0o600 });
  const csv = async (...lines: readonly string[]) =>
    await file('certificates.d/fleet.csv', ['names,key_type,labels.team', ...lines].join('\n'));
  const run = async (args: readonly string[], options?: AcmexOptions) =>
    await acmex([...args, '--config', at('acmex.toml')], options);
  const apply = async (...flags: readonly string[]) => {
    const { code, stdout, stderr } = await run(['apply', '--json', ...flags]);
    if (stdout === '') throw new Error(stderr);
    return { code, stderr, ...(JSON.parse(stdout) as Applied) };
  };
  /** The certificates in the order of their names. */
  const list = async (): Promise<readonly Listed[]> => {
    const listed = JSON.parse((await run(['cert', 'list', '--json'])).stdout) as Listed[];
    return listed.sort((a, b) => (String(a.names) < String(b.names) ? -1 : 1));
  };
  /** A digest of every file of the storage, without those of its driver. */
  const stored = async () => {
    const files: Record<string, string> = {};
    const names = await readdir(at('data'), { recursive: true, withFileTypes: true }).catch(
      () => [],
    );
    for (const entry of names)
      if (entry.isFile() && !entry.parentPath.includes('.acmex')) {
        const path = join(entry.parentPath, entry.name);
        files[path] = createHash('sha256')
          .update(await readFile(path))
          .digest('hex');
      }
    return files;
  };
  const issued = async () => {
    let count = 0;
    for await (const certificate of listIssued(caStorage)) if (certificate) count += 1;
    return count;
  };

  it('shows the difference, makes it so, and does nothing the second time', async () => {
    await csv('a.test www.a.test,,web', 'b.test,rsa-2048,');
    const trial = await run(['apply', '--dry-run']);
    expect(trial.code).toBe(10);
    expect(trial.stdout).toMatch(
      /^\+ a\.test www\.a\.test: new; orders \d{4}-.*\n\+ b\.test: new; orders .*\n2 new, 0 changed, 0 retired\n$/,
    );
    expect(await stored()).toEqual({});
    const before = await issued();
    const first = await apply();
    expect([first.code, first.applied, first.renewals.map(({ result }) => result)]).toEqual([
      ...[0, true, ['renewed', 'renewed']],
    ]);
    expect(await issued()).toBe(before + 2);
    const files = await stored();
    expect(await apply()).toMatchObject({ code: 0, changes: [], renewals: [] });
    expect((await run(['apply', '--dry-run'])).code).toBe(0);
    expect(await stored()).toEqual(files);
  });

  it('says what changes, and orders only where that needs it', async () => {
    await csv('a.test,,web', 'b.test,,');
    await apply();
    await csv('a.test,,mail', 'b.test,rsa-2048,');
    const text = (await run(['apply', '--dry-run'])).stdout;
    expect(text).toMatch(
      /^~ a\.test: labels {"team":"web"} → {"team":"mail"}; renews .*; expires /m,
    );
    expect(text).toMatch(/^~ b\.test: key_type ec-p256 → rsa-2048; orders .*; expires /m);
    const { code, changes, renewals } = await apply();
    expect([code, changes.map(({ change }) => change)]).toEqual([0, ['change', 'order']]);
    expect(renewals).toMatchObject([{ names: 'b.test', result: 'renewed' }]);
    expect((await list()).map(({ keyType, current }) => [keyType, current?.generation])).toEqual([
      ['ec-p256', 1],
      ['rsa-2048', 2],
    ]);
  });

  it('retires with --prune what is not declared any more, never revokes it, and takes it back', async () => {
    await csv('a.test,,', 'b.test,,');
    await apply();
    await csv('a.test,,');
    const without = await apply();
    expect([without.code, without.changes]).toEqual([0, []]);
    expect(without.stderr).toContain('1 certificate is not declared any more and still renewed');
    expect(await apply('--prune', '--dry-run')).toMatchObject({
      ...{ code: 10, applied: false },
      changes: [{ change: 'retire', names: ['b.test'] }],
    });
    const files = await stored();
    const refused = await run(['apply', '--prune']);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('use --yes')]);
    expect((await run(['apply', '--prune'], typing(['n']))).code).toBe(10);
    expect(await stored()).toEqual(files);
    const retired = await run(['apply', '--prune'], typing(['y']));
    expect([retired.code, retired.stdout]).toEqual([
      0,
      expect.stringMatching(/^- b\.test: retired; expires /),
    ]);
    expect(retired.stderr).toContain('are not revoked');
    const [, second] = await list();
    expect(second).toMatchObject({ paused: true, retiredAt: expect.any(String) });
    expect(second?.current).toMatchObject({ generation: 1 });
    expect(second?.current?.revokedAt).toBeUndefined();
    expect((await run(['cert', 'export', 'b.test'])).stdout).toContain('BEGIN CERTIFICATE');
    expect(await apply('--prune', '--yes')).toMatchObject({ code: 0, changes: [] });
    await csv('a.test,,', 'b.test,,');
    expect(await apply()).toMatchObject({ code: 0, changes: [{ change: 'change' }], renewals: [] });
    expect((await list())[1]).toMatchObject({ paused: false, current: { generation: 1 } });
  });

  it('says when the limits of the CA allow each order, without a request to it', async () => {
    await file('acmex.toml', `[storage.file]\npath = "${at('data')}"\n`);
    await csv(...Array.from({ length: 52 }, (_, index) => `n${index}.example.com,,`));
    const { stdout } = await run(['apply', '--dry-run']);
    const [first = '', last = '', summary = ''] = [0, 51, 52].map(
      (index) => stdout.split('\n')[index],
    );
    const timeIn = (line: string) => /\d{4}-\d\d-\d\dT[\d:]+Z/.exec(line)?.[0] ?? '';
    expect(first).toMatch(/^\+ n0\.example\.com: new; orders [^;]*$/);
    expect(last).toMatch(/; orders [^;]*; waits for 50 certificates for example\.com in 7 days$/);
    expect(Date.parse(timeIn(last)) - Date.parse(timeIn(first))).toBeGreaterThan(3_600_000);
    expect(summary).toBe(`52 new, 0 changed, 0 retired; all are ordered by ${timeIn(last)}`);
  });

  it('refuses to run without acmex.toml, as nothing would be declared', async () => {
    const home = { HOME: at('home') };
    const { code, stderr } = await acmex(['apply', '--prune', '--yes'], { env: home });
    expect([code, stderr]).toEqual([2, expect.stringContaining('there is no acmex.toml')]);
  });

  it('leaves the orders to a daemon with --no-wait', async () => {
    await csv('a.test,,');
    expect(await apply('--no-wait')).toMatchObject({ code: 0, applied: true, renewals: [] });
    expect((await list())[0]?.current).toBeUndefined();
    expect(await apply()).toMatchObject({ changes: [], renewals: [{ result: 'renewed' }] });
  });

  it('fails where a certificate waits after a failure, also in the next run', async () => {
    await file(
      'certificates.d/bad.yaml',
      'certificates:\n  - names: [bad.test]\n    profile: unknown\n',
    );
    const first = await apply();
    expect(first).toMatchObject({ code: 5, renewals: [{ names: 'bad.test', result: 'failed' }] });
    const second = await apply();
    expect([second.code, second.changes]).toEqual([first.code, []]);
    expect(second.stderr).toContain('failed before');
  });

  it('says of a certificate that it waits for the limits of the CA, and until when', async () => {
    const limits = '[acme.limits]\nnew_orders = { count = 1, period_secs = 86400 }\n';
    await file('acmex.toml', `${await readFile(at('acmex.toml'), 'utf8')}${limits}`);
    await csv('a.test,,', 'b.test,,');
    const first = await apply('--concurrency', '1');
    const results = first.renewals.map(({ result }) => result).sort();
    expect([first.code, results]).toEqual([7, ['renewed', 'waits for limits']]);
    const second = await apply();
    expect(second).toMatchObject({
      ...{ code: 7, changes: [] },
      renewals: [{ result: 'waits for limits', next: expect.stringMatching(/^\d{4}-.*Z$/) }],
    });
    expect(second.stderr).toMatch(/waits for limits: .*; next attempt: \d{4}-/);
    expect(second.stderr).not.toContain('failed');
  });

  it('has one result beside a daemon that reads the files at SIGHUP, and a second run', async () => {
    const [stop, hangup] = [new AbortController(), new EventTarget()];
    await csv('a.test,,');
    const before = await issued();
    const heard: string[] = [];
    const daemon = run(['daemon'], {
      ...{ signal: stop.signal, hangup },
      onStderr: (text) => heard.push(text),
    });
    try {
      await eventually(
        async () => (await list())[0]?.current !== undefined,
        60,
        () => heard.join(''),
      );
      await csv('a.test,,', 'b.test,,', 'c.test,,');
      hangup.dispatchEvent(new Event('hangup'));
      const runs = await Promise.all([apply(), apply()]);
      expect(runs.map(({ code }) => code)).toEqual([0, 0]);
      await eventually(
        async () => (await list()).every(({ current }) => current),
        60,
        () => heard.join(''),
      );
      await file('certificates.d/d.toml', '[[certificates]]\nnames = ["d.test"]\n');
      hangup.dispatchEvent(new Event('hangup'));
      await eventually(
        async () => (await list()).some(({ names, current }) => names[0] === 'd.test' && current),
        60,
        () => heard.join(''),
      );
    } finally {
      stop.abort('SIGTERM');
    }
    expect((await daemon).code).toBe(0);
    expect(
      (await list()).map(({ names, current }) => [names[0], current?.generation]).sort(),
    ).toEqual(['a.test', 'b.test', 'c.test', 'd.test'].map((name) => [name, 1]));
    expect(await issued()).toBe(before + 4);
    await rm(at('certificates.d/d.toml'));
  }, 120_000);
});
