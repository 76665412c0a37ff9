import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { systemClock, virtualClock } from '@acmex/clock';
import { ProgramError, startProgram } from './index.ts';

const node = (script: string) => ({ command: process.execPath, args: ['-e', script] });
const forever = 'setInterval(() => {}, 1000); console.log("ready " + process.pid)';
const isReady = (log: string) => log.includes('ready');

describe('startProgram', () => {
  it('shows what a program wrote that ended too early', async () => {
    const start = startProgram({
      ...node('console.error("no such option"); process.exit(3)'),
      ready: () => false,
    });
    await expect(start).rejects.toThrow(/ended with exit code 3; its log:\nno such option/);
    await expect(start).rejects.toBeInstanceOf(ProgramError);
  });
  it('says which program is not there', async () => {
    await expect(startProgram({ command: 'no-such-program', ready: () => true })).rejects.toThrow(
      'no-such-program could not be started',
    );
  });
  it('waits for an answer from outside, and ends what does not get to work in time', async () => {
    let attempts = 0;
    const answers = async () => {
      if (++attempts < 3) throw new Error('not yet');
    };
    await using program = await startProgram({ ...node(forever), ready: isReady, answers });
    expect(program.log()).toContain(`ready ${program.pid}`);
    expect(attempts).toBe(3);
    const late = startProgram({
      ...node(forever),
      ready: () => false,
      limit: { milliseconds: 300 },
    });
    await expect(late).rejects.toThrow('the time limit was reached');
  });
  it('ends a program that does not listen to SIGTERM', async () => {
    const clock = virtualClock();
    const program = await startProgram({
      ...node(`process.on("SIGTERM", () => {}); ${forever}`),
      ready: isReady,
      clock,
    });
    await clock.run(Promise.race([program[Symbol.asyncDispose](), clock.sleep('PT6S')]));
    while (isAlive(program.pid)) await systemClock.sleep({ milliseconds: 10 });
  });
  it('leaves no program behind when the process that started it is killed', async () => {
    const guarded = new URL('./guard.ts', import.meta.url).pathname;
    const script = `
      const { transformSync } = await import('esbuild');
      const { readFileSync } = await import('node:fs');
      const { code } = transformSync(readFileSync(${JSON.stringify(guarded)}, 'utf8'), { loader: 'ts' });
      const { guard } = await import('data:text/javascript,' + encodeURIComponent(code));
      const { spawn } = await import('node:child_process');
      const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
      guard('kill -KILL "$1"', String(child.pid));
      console.log(child.pid);
      process.kill(process.pid, 'SIGKILL');`;
    const starter = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: new URL('.', import.meta.url).pathname,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = Number(await text(starter.stdout));
    expect(pid).toBeGreaterThan(1);
    while (isAlive(pid)) await systemClock.sleep({ milliseconds: 10 });
    if (starter.exitCode === null && starter.signalCode === null) await once(starter, 'exit');
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
