import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { get as getPlain, type IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import {
  bundledProgram,
  describeWith,
  eventually,
  freePort,
  type Program,
  startProgram,
} from '@acmex/services';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { PassedReport } from './passed-program.testing.ts';

let program: string;
const open: AsyncDisposable[] = [];
beforeAll(async () => {
  program = await bundledProgram(join(import.meta.dirname, 'passed-program.testing.ts'));
});
afterAll(async () => {
  for (const opened of open.splice(0).reverse()) await opened[Symbol.asyncDispose]();
});

/** Starts a command with sockets for ports; systemd waits for the first client before that. */
async function activated(
  ports: readonly number[],
  { names, command }: { readonly names?: string; readonly command: readonly string[] },
): Promise<Program> {
  const started = await startProgram({
    command: 'systemd-socket-activate',
    args: [
      ...ports.map((port) => `--listen=127.0.0.1:${port}`),
      ...(names === undefined ? [] : [`--fdname=${names}`]),
      ...command,
    ],
    ready: (log) => log.split('Listening on').length > ports.length,
  });
  open.push(started);
  return started;
}

async function report(port: number): Promise<PassedReport> {
  const request = get({ port, host: '127.0.0.1', rejectUnauthorized: false, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return JSON.parse(await text(response)) as PassedReport;
}

describeWith(['systemd-socket-activate'], 'sockets of systemd', () => {
  it('are used by their names, on any port, and are not passed on to programs that are started', async () => {
    const [https, more, http] = [await freePort(), await freePort(), await freePort()];
    const command = [process.execPath, program, String(await freePort()), '0'];
    const { pid } = await activated([https, http, await freePort(), more], {
      ...{ names: 'https:http:admin:https', command },
    });
    for (const port of [https, more])
      await expect(report(port)).resolves.toEqual({ pid, variables: [], inherited: [] });
    const [response] = (await once(
      getPlain({ port: http, host: '127.0.0.1', headers: { host: 'example.test' } }),
      'response',
    )) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(308);
  });

  it('are used by their ports where they have no names, and a restart drops no connection', async () => {
    const [https, http] = [await freePort(), await freePort()];
    // As systemd does, the shell keeps the sockets and starts the program again when it has ended.
    const run = `LISTEN_PID=$$ exec ${process.execPath} ${program} ${https} ${http}`;
    const twice = `sh -c '${run}'; sh -c '${run}'`;
    await activated([http, https], { command: ['sh', '-c', twice] });
    const { pid } = await report(https);
    process.kill(pid, 'SIGTERM');
    const pids = new Set<number>();
    while (pids.size === 0 || pids.has(pid)) {
      pids.clear();
      const reports = await Promise.all(
        Array.from({ length: 20 }, async () => await report(https)),
      );
      for (const each of reports) pids.add(each.pid);
    }
    const [next = 0] = pids;
    process.kill(next, 'SIGTERM');
    expect(pids.size).toBe(1);
  });

  it('fail with what to do where none is for HTTPS, or where a different process has them', async () => {
    const [port, https] = [await freePort(), await freePort()];
    const { log } = await activated([port], {
      command: [process.execPath, program, String(https), '0'],
    });
    await expect(report(port)).rejects.toThrow();
    await eventually(() =>
      log().includes(
        `bound to port ${port}, which is neither of ports: set FileDescriptorName=https or =http in its unit`,
      ),
    );
    await using taken = await startProgram({
      command: process.execPath,
      args: [program, String(https), '0'],
      ready: () => true,
      answers: async () => await report(https),
    });
    expect(taken.pid).toBeGreaterThan(0);
    const { stderr, status } = spawnSync(process.execPath, [program, String(https), '0'], {
      env: { ...process.env, LISTEN_FDS: '1', LISTEN_PID: '1' },
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([
      3,
      expect.stringContaining('passed its sockets to process 1, which is not this one'),
    ]);
  });
});
