import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { acmex } from '../terminal.testing.ts';
import { away, dayOrTime, revocation } from './values.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-rehearse-'));
});
afterAll(async () => await removeFolder(folder));

const rehearse = async (...flags: readonly string[]) =>
  await acmex(['rehearse', '--storage', join(folder, 'data'), '--from', '2026-12-01', ...flags]);

describe('acmex rehearse', () => {
  it('shows months, limits and what expires, and draws the days', async () => {
    const chart = join(folder, 'chart.svg');
    const { stdout, code } = await rehearse(
      ...['--certificates', '30', '--until', '2029-01-01', '--chart', chart],
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^A rehearsal of 30 certificates from .* to 2029-01-01\./);
    expect(stdout).toContain('2028-02-16  letsencrypt: lifetimes of 45 days');
    expect(stdout).toMatch(/^month +issued +most a day +failed +waited$/m);
    expect(stdout).toMatch(/^No certificate expires\.$/m);
    await expect(readFile(chart, 'utf8')).resolves.toMatch(/^<svg .*[^]*<path class="issued"/);
  });

  it('exits with 10 where something expires, and has every time in JSON', async () => {
    const incident = ['--away', 'letsencrypt=2027-03-01/P80D'];
    const { stdout, code } = await rehearse(
      ...['--certificates', '5', '--until', '2027-12-31', ...incident, '--output', 'json'],
    );
    expect(code).toBe(10);
    const { outages, days, certificates } = JSON.parse(stdout) as {
      outages: { cause: string; from: string; until: string }[];
      days: unknown[];
      certificates: number;
    };
    expect([certificates, outages.length]).toEqual([5, 5]);
    expect(days.length).toBeGreaterThan(300);
    for (const { cause, until } of outages)
      expect([cause, Date.parse(until) > Date.parse('2027-05-20')]).toEqual(['expired', true]);
  });

  it('makes no storage, and shows nothing for one without certificates', async () => {
    const { stdout, code } = await rehearse('--until', '2027-12-31');
    expect([code, stdout]).toEqual([0, expect.stringContaining('A rehearsal of 0 certificates')]);
    expect(await readdir(folder)).toEqual(['chart.svg']);
  });

  it('refuses an end before the beginning, and incidents of unknown issuers', async () => {
    await expect(
      rehearse('--certificates', '1', '--revoke', 'nowhere=2027-05-01/P3D'),
    ).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('the issuer nowhere is not configured: choose among'),
    });
    await expect(rehearse('--until', '2026-12-01')).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--until is not after the first day'),
    });
  });
});

describe('the values of its flags', () => {
  const at = (text: string) => Date.parse(text);

  it('are days or times, and intervals from one to another or with a duration', () => {
    expect(dayOrTime('2028-02-29')).toBe(at('2028-02-29T00:00:00Z'));
    expect(dayOrTime('2027-05-01T12:30:00+02:00')).toBe(at('2027-05-01T10:30:00Z'));
    expect(away('a=2027-05-01/2027-05-08T12:00Z')).toEqual([
      { type: 'away', issuer: 'a', from: at('2027-05-01'), until: at('2027-05-08T12:00Z') },
    ]);
    expect(revocation('a=2027-05-01/P1W2DT3H,25%', revocation('b=2027-05-01/P1D'))).toMatchObject([
      { issuer: 'b', share: 1, revokedAt: at('2027-05-02') },
      { issuer: 'a', share: 0.25, revokedAt: at('2027-05-10T03:00:00Z') },
    ]);
  });

  it.each([
    ...['2027-02-29', '2027-13-01', '1 May 2027', '2027-05-01T25:00:00Z', '2027-05-01 10:00Z', ''],
  ])('are not the day "%s"', (text) => {
    expect(() => dayOrTime(text)).toThrow('Use a day or a time');
  });

  it.each([
    ...['letsencrypt', 'letsencrypt=2027-05-01', 'a=2027-05-01/2027-05-01', 'a=2027-05-02/P0D'],
    ...['a=2027-05-02/P1M', 'A=2027-05-01/P1D', 'a=2027-05-02/2027-05-01', '=2027-05-01/P1D'],
  ])('are not the interval "%s"', (text) => {
    expect(() => away(text)).toThrow('Use ISSUER=START/END');
  });

  it.each(['a=2027-05-01/P1D,0%', 'a=2027-05-01/P1D,101%', 'a=2027-05-01/P1D,30'])(
    'are not the share "%s"',
    (text) => {
      expect(() => revocation(text)).toThrow('Use a share from 1% to 100%');
    },
  );
});
