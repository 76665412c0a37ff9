import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect, it } from '@jest/globals';
import { describeWith, startPebble, startProgram } from './index.ts';

describeWith(['pebble', 'pebble-challtestsrv'], 'startPebble', () => {
  it('runs several at once, each with its own ports, and leaves nothing of them', async () => {
    const both = await Promise.all([startPebble(), startPebble({ externalAccounts: { 'kid-1': 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W' } })]);
    expect(new Set(both.flatMap(({ directory, httpPort, tlsPort }) => [directory, httpPort, tlsPort])).size).toBe(6);
    await expect(both[0].rootCertificate()).resolves.toContain('BEGIN CERTIFICATE');
    await Promise.all(both.map((one) => one[Symbol.asyncDispose]()));
    for (const { caFile } of both) await expect(access(dirname(caFile))).rejects.toThrow('ENOENT');
  });
});

describeWith([], 'startProgram', () => {
  it('shows what a program wrote that ended too early', async () => {
    await expect(startProgram({ command: process.execPath, args: ['-e', 'console.error("no such option"); process.exit(3)'], ready: () => false })).rejects.toThrow('no such option');
  });
  it('says which program is not there', async () => {
    await expect(startProgram({ command: 'no-such-program', args: [], ready: () => true })).rejects.toThrow('no-such-program');
  });
  it('ends a program that does not listen to SIGTERM', async () => {
    const program = await startProgram({ command: process.execPath, args: ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("ready")'], ready: (log) => log.includes('ready') });
    await program[Symbol.asyncDispose]();
    expect(() => process.kill(program.pid, 0)).toThrow('ESRCH');
  }, 20_000);
});
