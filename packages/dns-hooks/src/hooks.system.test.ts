import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@acmex/clock';
import { type DnsProvider, lookUp } from '@acmex/dns';
import { dnsProviderContract } from '@acmex/dns/contract';
import { type Bind, describeWith, removeFolder, startBind } from '@acmex/services';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { acmeSh, certbotHooks, execHook } from './index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-hook-'));
});
afterEach(async () => {
  await removeFolder(folder);
});

async function file(path: string, text: string, mode = 0o755): Promise<string> {
  await mkdir(join(folder, path, '..'), { recursive: true });
  await writeFile(join(folder, path), text);
  await chmod(join(folder, path), mode);
  return join(folder, path);
}

/**
 * Shaped as acme.sh: functions, and a last line that prints the help where there are no parameters.
 */
async function acmeShHome(script: string): Promise<string> {
  await file(
    'acme.sh',
    '_info() { echo "$@"; }\n_initpath() { . "$LE_WORKING_DIR/account.conf"; }\nmain() {\n  [ -z "$1" ] && echo help && return\n  "$@"\n}\nmain "$@"\n',
  );
  await file('account.conf', 'CREDENTIAL=kept\n');
  await file('dnsapi/dns_test.sh', script, 0o644);
  return folder;
}

const update = (verb: string, name: string, value: string) =>
  `printf 'server 127.0.0.1 %s\\nupdate ${verb} %s TXT "%s"\\nsend\\n' "$DNS_PORT" "${name}" "${value}" | nsupdate`;
const PATH = process.env.PATH ?? '';

describeWith(['named', 'nsupdate'], 'hooks with nsupdate', () => {
  let bind: Bind;
  beforeAll(async () => {
    bind = await startBind({ zones: { 'a.test': [] } });
  });
  afterAll(async () => {
    await bind?.[Symbol.asyncDispose]();
  });

  const providers: Record<string, () => Promise<DnsProvider>> = {
    async certbotHooks() {
      const name = '_acme-challenge.$CERTBOT_DOMAIN.';
      const auth = await file(
        'auth',
        `#!/bin/sh\n${update('add', `${name} 1`, '$CERTBOT_VALIDATION')}\n`,
      );
      const cleanup = await file(
        'cleanup',
        `#!/bin/sh\n${update('delete', name, '$CERTBOT_VALIDATION')}\n`,
      );
      return certbotHooks({
        auth: [auth],
        cleanup: [cleanup],
        env: { PATH, DNS_PORT: String(bind.port) },
      });
    },
    async acmeSh() {
      const home = await acmeShHome(
        `dns_test_add() {\n_info adding\n${update('add', '$1. 1', '$2')}\n}\ndns_test_rm() {\n${update('delete', '$1.', '$2')}\n}\n`,
      );
      // As acme.sh keeps credentials.
      await file('account.conf', `DNS_PORT='${bind.port}'\n`);
      return acmeSh({ home, hook: 'dns_test', env: { PATH } });
    },
  };
  for (const [name, provider] of Object.entries(providers)) {
    it.each(
      dnsProviderContract
        .filter((clause) => clause.live)
        .map((clause) => [clause.title, clause] as const),
    )(`${name}: %s`, async (_, { check }) => {
      const resolver = lookUp({ clock: systemClock, servers: [bind.address] });
      await check({
        provider: await provider(),
        zone: 'a.test',
        lookUp: (whole) => resolver.txt(whole),
      });
    });
  }
});

const hostile = [
  '$(touch PWNED)',
  '`touch PWNED`',
  'a\nb',
  '../../etc',
  '-rf',
  '"; touch PWNED; "',
  "'$IFS'",
  '%s%n',
  '${HOME}',
  '*',
];

describe('certbotHooks', () => {
  const dump =
    '#!/bin/sh\nfor one in "$@" "$CERTBOT_DOMAIN" "$CERTBOT_VALIDATION" "$CERTBOT_ALL_DOMAINS" "$CERTBOT_REMAINING_CHALLENGES" "$CERTBOT_AUTH_OUTPUT" "${CERTBOT_TOKEN-none}" "$HOME"; do printf "%s|" "$one" >> "$OUT"; done\necho "kept $CERTBOT_VALIDATION"\n';
  it('passes them what certbot does, and the second what the first wrote', async () => {
    const program = await file('hook', dump);
    const provider = certbotHooks({
      auth: [program, 'auth'],
      cleanup: [program, 'clean'],
      env: { OUT: join(folder, 'out') },
    });
    const records = [
      { name: '_acme-challenge', value: 'one' },
      { name: '_acme-challenge.www', value: 'two' },
    ];
    await provider.append('a.test', records);
    await provider.remove('a.test', records.slice(0, 1));
    expect(await readFile(join(folder, 'out'), 'utf8')).toBe(
      'auth|a.test|one|a.test,www.a.test|1||none||auth|www.a.test|two|a.test,www.a.test|0||none||clean|a.test|one|a.test|0|kept one|none||',
    );
  });
  it('refuses a name that they could not write', async () => {
    const never = ['/nowhere'] as const;
    await expect(
      certbotHooks({ auth: never, cleanup: never, env: {} }).append('delegated.b.test', [
        { name: '@', value: 'one' },
      ]),
    ).rejects.toMatchObject({ code: 'ERR_DNS_HOOK', message: expect.stringContaining('CNAME') });
  });
});

describe('acmeSh', () => {
  const echo =
    'dns_test_add() { printf "%s|%s|" "$1" "$2" > "$OUT"; }\ndns_test_rm() { _info "no such record"; return 3; }\n';
  const record = { name: '_acme-challenge', value: 'one' };
  it('says what the script wrote when it fails', async () => {
    const provider = acmeSh({ home: await acmeShHome(echo), hook: 'dns_test', env: { PATH } });
    await expect(provider.remove('a.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_HOOK',
      message: expect.stringMatching(
        /dns_test_rm _acme-challenge\.a\.test one ended with 3: "no such record"/,
      ),
    });
  });
  it.each(['dns_test; id', '../dns_test', 'test', 'dns_', ''])('takes no hook named %j', (hook) => {
    expect(() => acmeSh({ home: folder, hook, env: {} })).toThrow(RangeError);
  });
  it.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'a script that others can write',
      () => chmod(join(folder, 'dnsapi/dns_test.sh'), 0o646),
      /dns_test\.sh can be written by others: chmod go-w/,
    ],
    [
      'a folder that a group can write',
      () => chmod(join(folder, 'dnsapi'), 0o775),
      /dnsapi can be written by others/,
    ],
    [
      'an acme.sh that others can write',
      () => chmod(join(folder, 'acme.sh'), 0o777),
      /acme\.sh can be written by others/,
    ],
    [
      'a home with the sticky bit that others can write',
      () => chmod(folder, 0o1777),
      /can be written by others/,
    ],
    ['a script that is not there', () => rm(join(folder, 'dnsapi/dns_test.sh')), /no such file/],
    [
      'a link to what others can write',
      async () => {
        await rm(join(folder, 'dnsapi/dns_test.sh'));
        await symlink(
          await file('open/dns_test.sh', echo, 0o666),
          join(folder, 'dnsapi/dns_test.sh'),
        );
      },
      /open\/dns_test\.sh can be written by others/,
    ],
  ])('runs nothing of %s', async (_, spoil, words) => {
    const provider = acmeSh({
      home: await acmeShHome(echo),
      hook: 'dns_test',
      env: { PATH, OUT: join(folder, 'out') },
    });
    await spoil();
    await expect(provider.append('a.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_HOOK',
      message: expect.stringMatching(words),
    });
    await expect(readFile(join(folder, 'out'))).rejects.toThrow('ENOENT');
  });
  const root = process.getuid?.() === 0;
  (root ? it : it.skip)(
    "runs nothing of another user's (skipped: only root can make such a file)",
    async () => {
      const { chown } = await import('node:fs/promises');
      const provider = acmeSh({
        home: await acmeShHome(echo),
        hook: 'dns_test',
        env: { PATH, OUT: join(folder, 'out') },
      });
      await chown(join(folder, 'dnsapi/dns_test.sh'), 12_345, 12_345);
      await expect(provider.append('a.test', [record])).rejects.toMatchObject({
        code: 'ERR_DNS_HOOK',
        message: expect.stringContaining('12345'),
      });
    },
  );
});

describe('a value that came from a server', () => {
  it.each(hostile)('reaches every hook as plain data: %j', async (value) => {
    const out = join(folder, 'out');
    const show =
      '#!/bin/sh\ncd "$WORK" || exit 1\nprintf "%s" "${CERTBOT_VALIDATION-$3}" > "$OUT"\n';
    const program = await file('hook', show);
    const home = await acmeShHome(
      'dns_test_add() { cd "$WORK" || return 1; printf "%s" "$2" > "$OUT"; }\n',
    );
    const env = { PATH, OUT: out, WORK: folder };
    for (const provider of [
      execHook({ program, env }),
      certbotHooks({ auth: [program], cleanup: [program], env }),
      acmeSh({ home, hook: 'dns_test', env }),
    ]) {
      await provider.append('_acme-challenge.a.test', [{ name: '@', value }]);
      expect(await readFile(out, 'utf8')).toBe(value);
      await rm(out);
      await expect(readFile(join(folder, 'PWNED'))).rejects.toThrow('ENOENT');
    }
  });
  it.each(hostile)('reaches every hook as plain data where it is a name: %j', async (label) => {
    const out = join(folder, 'out');
    const program = await file(
      'hook',
      '#!/bin/sh\ncd "$WORK" || exit 1\nprintf "%s" "${CERTBOT_DOMAIN-$2}" > "$OUT"\n',
    );
    const home = await acmeShHome(
      'dns_test_add() { cd "$WORK" || return 1; printf "%s" "$1" > "$OUT"; }\n',
    );
    const env = { PATH, OUT: out, WORK: folder };
    const zone = `_acme-challenge.${label}.a.test`;
    for (const [provider, seen] of [
      [execHook({ program, env }), `${zone}.`],
      [certbotHooks({ auth: [program], cleanup: [program], env }), `${label}.a.test`],
      [acmeSh({ home, hook: 'dns_test', env }), zone],
    ] as const) {
      await provider.append(zone, [{ name: '@', value: 'one' }]);
      expect(await readFile(out, 'utf8')).toBe(seen);
      await rm(out);
      await expect(readFile(join(folder, 'PWNED'))).rejects.toThrow('ENOENT');
    }
    // A name that begins with a dash is not an option of a program that is called so.
    await execHook({ program, env }).append(label, [{ name: '@', value: 'one' }]);
    expect(await readFile(out, 'utf8')).toBe(`${label}.`);
  });
  it('is refused with a zero byte, which no program can be given', async () => {
    await expect(
      execHook({ program: '/bin/true', env: {} }).append('a.test', [{ name: '@', value: 'a\0b' }]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_HOOK',
      message: expect.stringContaining('zero byte'),
    });
  });
});

describe('a hook that takes too long', () => {
  it('is ended with all that it has started', async () => {
    const slow = await file('slow', '#!/bin/sh\nsleep 60 &\necho $! > "$OUT"\nwait\n');
    const start = systemClock.monotonic();
    await expect(
      execHook({
        program: slow,
        env: { PATH, OUT: join(folder, 'pid') },
        limit: { milliseconds: 300 },
      }).append('a.test', [{ name: '@', value: 'one' }]),
    ).rejects.toMatchObject({ code: 'ERR_DNS_HOOK' });
    expect(systemClock.monotonic() - start).toBeLessThan(10_000);
    const child = Number(await readFile(join(folder, 'pid'), 'utf8'));
    const state = await readFile(`/proc/${child}/stat`, 'utf8').catch(() => 'Z');
    expect(state).toContain('Z');
  });
});
