import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { outbox } from '@acmex/orchestrator';
import { KeyStore, SessionStore } from '@acmex/server/keys';
import { removeFolder } from '@acmex/services';
import { fileStorage } from '@acmex/storage-file';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { acmex } from '../terminal.testing.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-'));
});
afterEach(async () => {
  await removeFolder(folder);
});
const run = async (...args: readonly string[]) =>
  await acmex(['server', 'session', ...args, '--storage', join(folder, 'data')], {
    env: { HOME: folder },
  });

it('shows the sessions that can be used, and revokes one', async () => {
  await expect(run('list')).resolves.toMatchObject({ code: 0, stdout: '' });
  await using storage = fileStorage({ path: join(folder, 'data') });
  const options = { storage, tenant: 'default' };
  const [keys, sessions] = [new KeyStore(options), new SessionStore(options)];
  const begin = async (key: string, userAgent: string) =>
    (
      await sessions.create({
        ...{ key, userAgent, address: '192.0.2.1' },
        keyDigest: 'a'.repeat(64),
      })
    ).session.id;
  const id = await begin('key_configured', 'Browser\u001b[2J');
  const { key } = await keys.create({ scopes: ['keys:read'], names: ['*'] }, 'test');
  // Of a secret that the key does not have.
  await begin(key.id, 'Browser');
  const person = await sessions.create({
    ...{ key: 'oidc:alice', keyDigest: 'b'.repeat(64), address: '192.0.2.2' },
    ...{ rights: { scopes: ['keys:read'], names: ['*'] }, userAgent: undefined },
  });
  expect((await run('list')).stdout).toMatch(/oidc:alice .*192\.0\.2\.2/);
  await expect(run('revoke', person.session.id)).resolves.toMatchObject({ code: 0 });
  const { stdout } = await run('list');
  expect(stdout).toMatch(/^id +key +created +used +ends +address +browser\nses_[^\n]*\n$/);
  expect(stdout).toContain('192.0.2.1  Browser\\u{1b}[2J');
  const listed = JSON.parse((await run('list', '-o', 'json')).stdout) as object[];
  expect(listed).toEqual([expect.objectContaining({ id, key: 'key_configured' })]);
  expect(JSON.stringify(listed)).not.toContain('a'.repeat(64));
  await expect(run('revoke', id)).resolves.toMatchObject({
    code: 0,
    stdout: `${id} is revoked\n`,
  });
  await expect(run('list')).resolves.toMatchObject({ code: 0, stdout: '' });
  await expect(run('revoke', id)).resolves.toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`there is no session "${id}"`),
  });
  const events = [];
  for await (const { type, actor } of outbox(storage).list()) events.push({ type, actor });
  expect(events.at(-1)).toEqual({ type: 'session_revoked', actor: 'acmex server session' });
});
