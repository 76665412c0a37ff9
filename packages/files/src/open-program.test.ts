import { expect, it } from '@jest/globals';
import { openProgram } from './index.ts';

const shell = (script: string, signal = new AbortController().signal) =>
  openProgram({ executable: '/bin/sh', name: 'sh', args: ['-c', script], env: {}, signal });
const textOf = async (output: AsyncIterable<Buffer>) => {
  let text = '';
  for await (const piece of output) text += piece.toString();
  return text;
};

it('speaks with a program, and says how it ended', async () => {
  await using program = shell('read -r line; echo "seen: $line"; echo why >&2; exit 3');
  program.write(Buffer.from('hello\n'));
  expect(await textOf(program.output)).toBe('seen: hello\n');
  expect(await program.ended).toEqual({ end: 3, complaints: 'why\n' });
});
it('ends a program with all that it has started when its signal aborts', async () => {
  const controller = new AbortController();
  await using program = shell('/bin/sh -c "echo here; cat; cat" ; cat', controller.signal);
  for await (const piece of program.output) {
    expect(piece.toString()).toBe('here\n');
    controller.abort();
  }
  expect(await program.ended).toMatchObject({ end: 'SIGKILL' });
});
it('ends a program whose output is not read when it is disposed of', async () => {
  const program = shell('cat /dev/zero');
  await program[Symbol.asyncDispose]();
  expect((await program.ended).end).toBe('SIGKILL');
});
it('rejects for a program that cannot be started', async () => {
  const { signal } = new AbortController();
  await using program = openProgram({
    executable: '/none',
    name: 'none',
    args: [],
    env: {},
    signal,
  });
  program.write(Buffer.from('x'));
  await expect(program.ended).rejects.toMatchObject({ code: 'ENOENT' });
});
