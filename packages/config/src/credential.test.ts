import { chmod, chown, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { virtualClock } from '@acmex/clock';
import { configFolder } from './config.testing.ts';
import { explain, readConfig, Secret } from './index.ts';

const root = process.getuid?.() === 0;

/** The credential that a configuration describes. */
async function credential(
  toml: string,
  {
    environment = {},
    clock = virtualClock(),
  }: { environment?: Record<string, string>; clock?: ReturnType<typeof virtualClock> } = {},
): Promise<Secret> {
  await using folder = await configFolder(`[server]\napi_keys = [${toml}]\n`, {
    environment: { PATH: process.env['PATH'], ...environment },
    clock,
  });
  const [key] = (await readConfig(folder.options)).values.server.api_keys;
  return key!;
}

describe('a credential', () => {
  it('is masked in all output', async () => {
    const secret = new Secret(async () => 'canary');
    expect(
      String(secret) +
        JSON.stringify({ secret }) +
        inspect(secret) +
        inspect({ secret }, { showHidden: true, depth: 9 }) +
        `${secret}`,
    ).not.toContain('canary');
    expect(`${secret}`).toBe('[secret]');
    const { reveal } = secret;
    expect(await reveal()).toBe('canary');
  });

  it('is written in place, or found in a variable, a file, or the output of a command', async () => {
    await using folder = await configFolder();
    const file = await folder.write('token', 'in the file\n');
    expect(await (await credential('"in place"')).reveal()).toBe('in place');
    expect(
      await (await credential('"${TOKEN}"', { environment: { TOKEN: 'substituted' } })).reveal(),
    ).toBe('substituted');
    expect(
      await (
        await credential('{ env = "TOKEN" }', { environment: { TOKEN: 'in a variable' } })
      ).reveal(),
    ).toBe('in a variable');
    expect(await (await credential(`{ file = "${file}" }`)).reveal()).toBe('in the file');
    expect(await (await credential('{ command = ["echo", "a  b; $HOME"] }')).reveal()).toBe(
      'a  b; $HOME',
    );
  });

  it('is read each time it is needed', async () => {
    await using folder = await configFolder();
    const secret = await credential(`{ file = "${join(folder.path, 'token')}" }`);
    await expect(secret.reveal()).rejects.toMatchObject({
      code: 'ERR_CONFIG_CREDENTIAL',
      message: expect.stringContaining(join(folder.path, 'token')),
    });
    await folder.write('token', 'first');
    expect(await secret.reveal()).toBe('first');
    await folder.write('token', 'second');
    expect(await secret.reveal()).toBe('second');
  });

  it.each([0o644, 0o604, 0o620, 0o602, 0o666, 0o650])(
    'is not read from a file of the mode %o',
    async (mode) => {
      await using folder = await configFolder();
      const file = await folder.write('token', 'canary');
      await chmod(file, mode);
      const error: unknown = await (
        await credential(`{ file = "${file}" }`)
      )
        .reveal()
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: 'ERR_CONFIG_CREDENTIAL',
        message: `the credential file ${file} is open to others: chmod 600 ${file}`,
      });
      expect(inspect(error)).not.toContain('canary');
    },
  );

  (root ? it : it.skip)(
    'is read from a file of root that its group may read, and not from one of another user (needs root)',
    async () => {
      await using folder = await configFolder();
      const file = await folder.write('token', 'in the file');
      await chmod(file, 0o640);
      const secret = await credential(`{ file = "${file}" }`);
      expect(await secret.reveal()).toBe('in the file');
      await chown(file, 12345, 0);
      await expect(secret.reveal()).rejects.toMatchObject({
        message: `the credential file ${file} belongs to the user 12345: chown 0 ${file}`,
      });
    },
  );

  it('that is empty, missing or not available is reported by its place', async () => {
    await expect((await credential('{ env = "NONE" }')).reveal()).rejects.toMatchObject({
      message: 'the variable NONE, which is to hold a credential, is not set: set it',
    });
    await expect(
      (await credential('{ env = "NONE" }', { environment: { NONE: '' } })).reveal(),
    ).rejects.toMatchObject({
      message: 'the credential of the variable NONE is empty: put it there',
    });
    await expect(
      (await credential('{ command = ["/no/such/program", "canary"] }')).reveal(),
    ).rejects.toMatchObject({
      code: 'ERR_CONFIG_CREDENTIAL',
      message:
        'the credential command /no/such/program is not run: the program "/no/such/program" does not exist or is not executable: use an absolute path, or a name in PATH',
    });
  });

  it('does not come from a command that others can write', async () => {
    await using folder = await configFolder();
    const program = await folder.write('command', '#!/bin/sh\necho canary\n');
    await chmod(program, 0o777);
    await expect(
      (await credential(`{ command = [${JSON.stringify(program)}] }`)).reveal(),
    ).rejects.toMatchObject({
      code: 'ERR_CONFIG_CREDENTIAL',
      message: expect.stringContaining('can be written by others'),
    });
  });

  it('of a command that fails says the exit code, and nothing that it wrote', async () => {
    const error: unknown = await (
      await credential('{ command = ["sh", "-c", "echo canary; echo canary >&2; exit 3"] }')
    )
      .reveal()
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      message: 'the credential command sh ended with exit code 3: run it by hand to see why',
    });
    expect(inspect(error, { depth: 9 })).not.toContain('canary');
  });

  it('of a command that does not end is given up after 10 seconds, with all that it has started', async () => {
    const clock = virtualClock();
    const secret = await credential('{ command = ["sh", "-c", "sleep 600 & sleep 600"] }', {
      clock,
    });
    await expect(clock.run(secret.reveal())).rejects.toMatchObject({
      message:
        'the credential command sh did not end within 10 seconds: run it by hand, it may wait for input',
    });
    expect(clock.monotonic()).toBe(10_000);
  });

  it('of a command that writes without end is given up', async () => {
    await expect((await credential('{ command = ["yes"] }')).reveal()).rejects.toMatchObject({
      message:
        'the credential command yes wrote more than 65536 bytes: it must write only the credential',
    });
  });

  it('stays hidden in explain, inspect and JSON of the whole configuration, with the password of a URL', async () => {
    const toml =
      '[storage]\nurl = "rediss://user:canary@redis.example:6380/2"\n[server]\napi_keys = ["canary"]\n[[notifications.webhooks]]\nname = "chat"\nurl = "https://hooks.example/canary"\n[challenge.dns01]\nprovider = "cloudflare"\napi_token = "canary"\n';
    await using folder = await configFolder(toml);
    const config = await readConfig(folder.options);
    expect(
      inspect(config, { depth: 20, showHidden: true }) +
        JSON.stringify(config) +
        JSON.stringify(explain(config)),
    ).not.toContain('canary');
    expect(explain(config)).toEqual(
      expect.arrayContaining([
        {
          key: 'storage.url',
          value: 'rediss://…@redis.example:6380/2',
          origin: `${folder.file}:2`,
        },
        { key: 'server.api_keys[0]', value: '[secret]', origin: `${folder.file}:4` },
        { key: 'notifications.webhooks[0].url', value: '[secret]', origin: `${folder.file}:7` },
      ]),
    );
  });
});

describe('a configuration file', () => {
  it.each([0o620, 0o602, 0o666])('that others may write (%o) stops the start', async (mode) => {
    await using folder = await configFolder('');
    await chmod(folder.file, mode);
    await expect(readConfig(folder.options)).rejects.toMatchObject({
      code: 'ERR_CONFIG_UNSAFE',
      message: `${folder.file} can be written by others: chmod go-w ${folder.file}`,
    });
  });

  it('in a folder that others may write stops the start, also behind a link', async () => {
    await using folder = await configFolder('');
    await using secondFolder = await configFolder();
    await symlink(folder.file, join(secondFolder.path, 'acmex.toml'));
    await chmod(folder.path, 0o777);
    for (const options of [folder.options, secondFolder.options])
      await expect(readConfig(options)).rejects.toMatchObject({
        code: 'ERR_CONFIG_UNSAFE',
        message: expect.stringContaining(`chmod go-w ${folder.path}`),
      });
    await chmod(folder.path, 0o700);
    await readConfig(secondFolder.options);
  });

  (root ? it : it.skip)('of another user stops the start (needs root)', async () => {
    await using folder = await configFolder('');
    await chown(folder.file, 12345, 12345);
    await expect(readConfig(folder.options)).rejects.toMatchObject({
      code: 'ERR_CONFIG_UNSAFE',
      message: expect.stringContaining('belongs to the user 12345'),
    });
  });

  it('that cannot be read as a file is reported by its path', async () => {
    await using folder = await configFolder();
    await writeFile(join(folder.path, 'x'), '', { mode: 0o600 });
    await expect(readConfig({ ...folder.options, file: 'none.toml' })).rejects.toMatchObject({
      code: 'ERR_CONFIG_FILE',
    });
  });
});
