import { chmod, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@acmex/clock';
import { lookUp } from '@acmex/dns';
import { dnsProviderContract } from '@acmex/dns/contract';
import { type Bind, describeWith, removeFolder, startBind } from '@acmex/services';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { execHook } from './index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-hook-'));
});
afterEach(async () => {
  await removeFolder(folder);
});

async function program(text: string): Promise<string> {
  const path = join(folder, 'hook');
  await writeFile(path, text);
  await chmod(path, 0o755);
  return path;
}

describeWith(['named', 'nsupdate'], 'execHook with nsupdate', () => {
  let bind: Bind;
  beforeAll(async () => {
    bind = await startBind({ zones: { 'a.test': [] } });
  });
  afterAll(async () => {
    await bind?.[Symbol.asyncDispose]();
  });
  const hook = () =>
    program(`#!/bin/sh
case "$1" in present) verb=add ttl=1;; cleanup) verb=delete ttl=;; *) exit 2;; esac
printf 'server 127.0.0.1 %s\\nupdate %s %s %s TXT "%s"\\nsend\\n' "$DNS_PORT" "$verb" "$2" "$ttl" "$3" | nsupdate
`);

  it.each(
    dnsProviderContract
      .filter((clause) => clause.live)
      .map((clause) => [clause.title, clause] as const),
  )('%s', async (_, { check }) => {
    const provider = execHook({
      program: await hook(),
      env: { PATH: process.env.PATH ?? '', DNS_PORT: String(bind.port) },
    });
    const resolver = lookUp({ clock: systemClock, servers: [bind.address] });
    await check({ provider, zone: 'a.test', lookUp: (name) => resolver.txt(name) });
  });
});

describe('execHook', () => {
  const record = { name: '@', value: 'va"lue; $(touch /tmp/owned) `x`' };

  it('hands over action, whole name with its dot, and value, with no shell in between and no more of the environment than given', async () => {
    const provider = execHook({
      program: await program(
        '#!/bin/sh\nfor text in "$#" "$@" "$HOME" "$ONLY"; do printf "%s\\n" "$text" >> "$OUT"; done\n',
      ),
      env: { ONLY: 'this', OUT: join(folder, 'out') },
    });
    await provider.append('_acme-challenge.a.test', [record]);
    await provider.remove('_acme-challenge.a.test', [record]);
    expect((await readFile(join(folder, 'out'), 'utf8')).split('\n')).toEqual([
      '3',
      'present',
      '_acme-challenge.a.test.',
      record.value,
      '',
      'this',
      '3',
      'cleanup',
      '_acme-challenge.a.test.',
      record.value,
      '',
      'this',
      '',
    ]);
  });
  it('hands over the challenge with RAW, and refuses a record without a challenge', async () => {
    const provider = execHook({
      program: await program('#!/bin/sh\nprintf "%s\\n" "$@" >> "$OUT"\n'),
      mode: 'RAW',
      env: { OUT: join(folder, 'out') },
    });
    const challenge = { domain: 'a.test', token: '-token', keyAuthorization: '-token.print' };
    await provider.append('_acme-challenge.a.test', [{ ...record, challenge }]);
    await provider.remove('_acme-challenge.a.test', [{ ...record, challenge }]);
    const call = ['--', 'a.test', '-token', '-token.print'];
    expect((await readFile(join(folder, 'out'), 'utf8')).trim().split('\n')).toEqual([
      'present',
      ...call,
      'cleanup',
      ...call,
    ]);
    await expect(provider.append('_acme-challenge.a.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_HOOK',
      message: expect.stringContaining('use the default mode'),
    });
  });
  it('says what a program wrote that failed, escaped', async () => {
    const provider = execHook({
      program: await program('#!/bin/sh\nprintf "no such zone\\033[2J" >&2\nexit 7\n'),
      env: {},
    });
    await expect(provider.append('a.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_HOOK',
      message: expect.stringContaining('ended with 7: "no such zone\\u001b[2J"'),
    });
  });
  it('says that a program is not there, or not executable', async () => {
    await expect(
      execHook({ program: join(folder, 'nowhere'), env: {} }).append('a.test', [record]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_HOOK',
      message: expect.stringContaining('does not exist or is not executable'),
    });
    await writeFile(join(folder, 'plain'), '');
    await expect(
      execHook({ program: join(folder, 'plain'), env: {} }).append('a.test', [record]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_HOOK',
      message: expect.stringContaining('does not exist or is not executable'),
    });
  });
  it('does not run a program that others can write', async () => {
    const path = await program(`#!/bin/sh\ntouch ${join(folder, 'was-run')}\n`);
    for (const [name, mode] of [
      [path, 0o775],
      [folder, 0o777],
    ] as const) {
      await chmod(path, 0o755);
      await chmod(name, mode);
      await expect(
        execHook({ program: path, env: {} }).append('a.test', [record]),
      ).rejects.toMatchObject({
        code: 'ERR_DNS_HOOK',
        message: expect.stringContaining(`${name} can be written by others`),
      });
    }
    await expect(readFile(join(folder, 'was-run'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
  it('ends a program that takes too long, and one whose caller gives up', async () => {
    const slow = await program('#!/bin/sh\nexec sleep 60\n');
    const env = { PATH: process.env.PATH ?? '' };
    await expect(
      execHook({ program: slow, env, limit: { milliseconds: 100 } }).append('a.test', [record]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_HOOK',
      message: expect.stringContaining('time limit'),
    });
    const stop = new AbortController();
    const call = execHook({ program: slow, env }).append('a.test', [record], {
      signal: stop.signal,
    });
    stop.abort(new Error('ctrl-c'));
    await expect(call).rejects.toThrow('ctrl-c');
  });
});
