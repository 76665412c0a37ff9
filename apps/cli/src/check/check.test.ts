import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DnsServer, removeFolder, startDnsServer } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type OwnCa, ownCa } from '../own-ca.testing.ts';
import { acmex } from '../terminal.testing.ts';

describe('acmex check', () => {
  let folder: string;
  let ca: OwnCa;
  let names: DnsServer;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'check-'));
    [ca, names] = await Promise.all([ownCa({}), startDnsServer({ 'A lost.test': 2 })]);
    await writeFile(join(folder, 'root.pem'), ca.root);
  });
  afterAll(async () => {
    await ca?.[Symbol.asyncDispose]();
    await names?.[Symbol.asyncDispose]();
    await removeFolder(folder);
  });
  const check = async (...args: readonly string[]) =>
    await acmex([
      'check',
      ...args,
      ...['--storage', `file:${join(folder, 'storage')}`, '--dns-resolver', names.address],
      ...['--server', ca.directory, '--ca-certificate', join(folder, 'root.pem')],
    ]);

  it('shows what it saw, the code and the cure, and ends with the lowest exit code of the errors', async () => {
    const { code, stdout } = await check('*.a.test', '_b.a.test', '--challenge', 'http-01');
    expect(code).toBe(2);
    expect(stdout).toMatch(/^error +\*\.a\.test: .*\[ERR_MANAGER_CHALLENGE\]\n +cure: Correct/m);
    expect(stdout).toMatch(/^error +_b\.a\.test: .*\[ERR_ACME_IDENTIFIER\]$/m);
    expect(stdout).toMatch(/\d+ checks: \d+ passed, \d+ skipped; 2 errors, 0 warnings\n$/);
  });
  it('has all checks in JSON, and skips what it cannot know', async () => {
    const { code, stdout } = await check('lost.test', '-c', 'tls-alpn-01', '--json');
    const { findings, checks } = JSON.parse(stdout) as {
      readonly findings: readonly { readonly code: string; readonly subject: string }[];
      readonly checks: readonly { readonly check: string; readonly state: string }[];
    };
    // Whether this user may open port 443 differs between machines.
    const canListen = !findings.some((finding) => finding.code.startsWith('ERR_CHALLENGE_'));
    expect(checks.map(({ check: kind, state }) => [kind, state])).toEqual([
      ['storage', 'passed'],
      ['ca', 'passed'],
      ['clock', 'passed'],
      ['names', 'passed'],
      ['profile', 'passed'],
      ['challenge', canListen ? 'passed' : 'error'],
      ['dnssec', 'passed'],
      ['caa', 'skipped'],
      ['tls', canListen ? 'error' : 'skipped'],
    ]);
    expect(code).toBe(canListen ? 6 : 3);
  });
  it('ends with 2 where there is nothing to check, and for names beside --all', async () => {
    expect(await check('127.0.0.1', '--all')).toMatchObject({ code: 2 });
    const { code, stderr } = await check();
    expect([code, stderr]).toEqual([2, expect.stringContaining('acmex check www.example.com')]);
  });
});
