import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseChain } from '@acmex/certificate';
import { systemClock } from '@acmex/clock';
import { lookUp } from '@acmex/dns';
import { rfc2136 } from '@acmex/dns-rfc2136';
import { dnsPersistDrafts } from '@acmex/protocol/drafts';
import { type Bind, describeWith, removeFolder, startBind } from '@acmex/services';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { servingCa } from './serving-ca.testing.ts';
import { acmex, type Outcome } from './terminal.testing.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-drafts-'));
});
afterEach(async () => {
  await removeFolder(folder);
});
const at = (name: string) => join(folder, name);
const accountDraft = 'draft-ietf-acme-dns-account-label-02';
const persistDraft = 'draft-ietf-acme-dns-persist-02';

/** Runs a CA that offers these drafts and asks that name server, until the work is done. */
async function serving<T>(
  drafts: readonly string[],
  resolver: string,
  work: (flags: readonly string[]) => Promise<T>,
): Promise<T> {
  const { result } = await servingCa(
    [
      '--development',
      ...['--root-certificate', at('root.pem')],
      ...['--dns-resolver', resolver],
      ...['--caa', 'ca.test'],
      ...['--challenge-draft', drafts.join()],
    ],
    async (directory) =>
      await work([
        ...['--server', directory],
        ...['--ca-certificate', at('root.pem')],
        ...['--storage', at('data')],
        ...['--config', at('acmex.toml')],
      ]),
  );
  return result;
}

describeWith(['named'], 'challenges of drafts, with BIND and our own CA', () => {
  let bind: Bind;
  beforeAll(async () => {
    bind = await startBind({ zones: { 'a.test': [], 'b.test': [] } });
  });
  afterAll(async () => {
    await bind?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await writeFile(
      at('acmex.toml'),
      `[challenge.dns01]\nprovider = "bind"\n[[challenge.dns01.providers]]\nname = "bind"\ntype = "rfc2136"\nserver = "${bind.address}"\n`,
      { mode: 0o600 },
    );
  });
  const obtain = (flags: readonly string[], ...more: readonly string[]) =>
    acmex(
      [
        'obtain',
        ...flags,
        '--accept-tos',
        '--dns-resolver',
        bind.address,
        '--cert-path',
        at('c.pem'),
        '-k',
        at('k.pem'),
        ...more,
      ],
      { env: { PATH: process.env.PATH } },
    );
  const withStorage = (...args: readonly string[]) =>
    acmex([...args, '--storage', at('data'), '--config', at('acmex.toml')]);
  const namesIn = async () =>
    parseChain(await readFile(at('c.pem'), 'utf8'))[0]
      ?.identifiers.map(({ value }) => value)
      .sort();
  const txt = (name: string) => lookUp({ clock: systemClock, servers: [bind.address] }).txt(name);
  /** Sets the one value of a record by hand, or takes it away. */
  const set = async (zone: string, name: string, ...values: readonly string[]) => {
    const hand = rfc2136({ server: bind.address });
    await hand.remove(
      zone,
      (await txt(`${name}.${zone}`)).map((value) => ({ name, value })),
    );
    await hand.append(
      zone,
      values.map((value) => ({ name, value })),
    );
  };
  const value = ({ stdout, code, stderr }: Outcome) =>
    code === 0 ? (JSON.parse(stdout) as { value: string }).value : stderr;

  it("gets a name with its wildcard by dns-account-01, at the account's own name, renews it, and leaves nothing", async () => {
    await serving([accountDraft], bind.address, async (flags) => {
      const result = await obtain(
        flags,
        '-d',
        'a.test,*.a.test',
        '-c',
        'dns-account-01',
        '--challenge-draft',
        accountDraft,
      );
      expect([result.code, result.stderr]).toEqual([
        0,
        expect.stringContaining('*.a.test: dns-account-01 response ready'),
      ]);
      expect(await namesIn()).toEqual(['*.a.test', 'a.test']);
      await expect(withStorage('renew', '--all', '--force')).resolves.toMatchObject({
        code: 0,
        stdout: expect.stringContaining('renewed'),
      });
      const [, written = ''] = /adding an RR at '([^']+)' TXT/.exec(bind.log()) ?? [];
      expect(written).toMatch(/^_[a-z2-7]{16}\._acme-challenge\.a\.test$/);
      await expect(txt(written)).resolves.toEqual([]);
    });
  });

  describe.each(dnsPersistDrafts)('dns-persist-01 of %s', (draft) => {
    it('gets a name with its wildcard once the record of acmex dns persist exists, and renews it without a person', async () => {
      await serving([draft], bind.address, async (flags) => {
        const persist = (...more: readonly string[]) =>
          acmex(['dns', 'persist', ...more, ...flags, '--challenge-draft', draft]);
        const proving = [
          '-d',
          'a.test,*.a.test',
          '-c',
          'dns-persist-01',
          '--challenge-draft',
          draft,
        ];
        const wanted = value(await persist('*.a.test', '-o', 'json'));
        expect(wanted).toMatch(/^ca\.test; accounturi=https:\S+; policy=wildcard$/);
        await set('a.test', '_validation-persist');
        const missing = await obtain(flags, ...proving);
        expect([missing.code, missing.stderr]).toEqual([
          6,
          expect.stringContaining(
            `127.0.0.1:${bind.port} shows none for ca.test. Set it once, to "`,
          ),
        ]);
        expect(missing.stderr).toContain('policy=wildcard');
        await set('a.test', '_validation-persist', value(await persist('a.test', '-o', 'json')));
        await expect(
          persist('a.test', '--check', '--dns-resolver', bind.address),
        ).resolves.toMatchObject({
          code: 0,
          stdout: '_validation-persist.a.test is at every server, without an expiry\n',
        });
        await expect(obtain(flags, ...proving)).resolves.toMatchObject({
          code: 6,
          stderr: expect.stringContaining('without policy=wildcard'),
        });
        await set('a.test', '_validation-persist', wanted);
        const result = await obtain(flags, ...proving);
        expect([result.code, result.stderr]).toEqual([
          0,
          expect.stringContaining('*.a.test: dns-persist-01 response ready'),
        ]);
        expect(await namesIn()).toEqual(['*.a.test', 'a.test']);
        await expect(withStorage('renew', '--all', '--force')).resolves.toMatchObject({
          code: 0,
          stdout: expect.stringContaining('renewed'),
          stderr: expect.not.stringContaining('runs out'),
        });
        await expect(withStorage('status')).resolves.toMatchObject({ code: 0 });
        await expect(txt('_validation-persist.a.test')).resolves.toEqual([wanted]);
      });
    });
  });

  it('warns at the renewal and in the status before a record expires, and not after it was replaced', async () => {
    await serving([persistDraft], bind.address, async (flags) => {
      const persist = (...more: readonly string[]) =>
        acmex(['dns', 'persist', 'b.test', ...more, ...flags, '--challenge-draft', persistDraft]);
      const soon = systemClock.now().add({ hours: 24 }).round('second').toString();
      await set(
        'b.test',
        '_validation-persist',
        value(await persist('--persist-until', soon, '-o', 'json')),
      );
      const result = await obtain(
        flags,
        '-d',
        'b.test',
        '-c',
        'dns-persist-01',
        '--challenge-draft',
        persistDraft,
      );
      const warning = `the TXT record _validation-persist.b.test expires at ${soon}, before the certificate does`;
      expect([result.code, result.stderr]).toEqual([0, expect.stringContaining(warning)]);
      await expect(withStorage('renew', '--all', '--force')).resolves.toMatchObject({
        code: 0,
        stderr: expect.stringContaining(warning),
      });
      await expect(withStorage('status')).resolves.toMatchObject({
        code: 1,
        stdout: expect.stringContaining(warning),
      });
      await set('b.test', '_validation-persist', value(await persist('-o', 'json')));
      await expect(persist('--check', '--dns-resolver', bind.address)).resolves.toMatchObject({
        code: 0,
      });
      await expect(withStorage('status')).resolves.toMatchObject({ code: 0 });
    });
  });

  it('is refused where the record has ended, is for another account, or the key has changed and the record is gone', async () => {
    await serving([persistDraft], bind.address, async (flags) => {
      const persist = (...more: readonly string[]) =>
        acmex(['dns', 'persist', 'b.test', ...more, ...flags, '--challenge-draft', persistDraft]);
      const get = () =>
        obtain(
          flags,
          '-d',
          'b.test',
          '-c',
          'dns-persist-01',
          '--challenge-draft',
          persistDraft,
          '--force',
        );
      await set(
        'b.test',
        '_validation-persist',
        value(await persist('--persist-until', '2020-01-01T00:00:00Z', '-o', 'json')),
      );
      await expect(get()).resolves.toMatchObject({
        code: 6,
        stderr: expect.stringContaining('persistUntil has passed, 2020-01-01T00:00:00Z'),
      });
      const record = value(await persist('-o', 'json'));
      // Only the CA can tell by which key a digest was made.
      await set('b.test', '_validation-persist', record.replace(/[\w-]{43}$/, 'A'.repeat(43)));
      await expect(get()).resolves.toMatchObject({
        code: 6,
        stderr: expect.stringContaining("its accounturi is not this account's"),
      });
      await set('b.test', '_validation-persist', record);
      await expect(get()).resolves.toMatchObject({ code: 0 });
      await expect(acmex(['account', 'rotate-key', ...flags])).resolves.toMatchObject({ code: 0 });
      const renewed = await withStorage('renew', '--all', '--force');
      expect([renewed.code, renewed.stderr]).toEqual([
        0,
        expect.stringContaining("does not name the account's current key"),
      ]);
    });
  });

  it.each([
    ['no version', ['-c', 'dns-persist-01'], 'ERR_CHALLENGE_DRAFT', persistDraft],
    [
      'the version of the other',
      ['-c', 'dns-persist-01', '--challenge-draft', accountDraft],
      'ERR_CHALLENGE_DRAFT',
      persistDraft,
    ],
    ['no version of dns-account-01', ['-c', 'dns-account-01'], 'ERR_CHALLENGE_DRAFT', accountDraft],
    [
      'a version that is none',
      ['-c', 'dns-account-01', '--challenge-draft', '02'],
      'ERR_CHALLENGE_DRAFT',
      accountDraft,
    ],
  ])('guesses nothing where there is %s', async (_, flags, code, words) => {
    const { code: exit, stderr } = await obtain(
      ['--server', 'https://127.0.0.1:1/', '--storage', at('data'), '--config', at('acmex.toml')],
      '-d',
      'a.test',
      ...flags,
    );
    expect([exit, stderr]).toEqual([2, expect.stringContaining(code)]);
    expect(stderr).toContain(words);
  });
  it('says what is missing in acmex.toml', async () => {
    const check = async (toml: string) => {
      await writeFile(at('acmex.toml'), toml);
      return (await acmex(['config', 'check', '--config', at('acmex.toml')])).stderr;
    };
    await expect(check('[challenge]\nchallenge_type = "dns-persist-01"\n')).resolves.toContain(
      `challenge.challenge_draft is missing: write the version that the CA follows: ${dnsPersistDrafts.map((draft) => `"${draft}"`).join(', ')}`,
    );
    await expect(
      check(
        `[challenge]\nchallenge_type = "dns-persist-01"\nchallenge_draft = "${accountDraft}"\n`,
      ),
    ).resolves.toContain('is not a version of dns-persist-01');
    await expect(
      check(
        `[challenge]\nchallenge_type = "dns-account-01"\nchallenge_draft = "${accountDraft}"\n`,
      ),
    ).resolves.toContain('no DNS provider writes the records');
    await expect(
      check(
        `[[certificates]]\nnames = ["a.test", "*.a.test"]\nchallenge = "dns-persist-01"\nchallenge_draft = "${persistDraft}"\n`,
      ),
    ).resolves.not.toContain('certificates');
  });
});
