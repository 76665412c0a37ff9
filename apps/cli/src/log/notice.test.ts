import { removeFolder } from '@acmex/services';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { acmex } from '../terminal.testing.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-'));
});
afterEach(async () => {
  await removeFolder(folder);
});

/** A command line that fails because a file does not exist. */
const failing = (command: string): readonly string[] => {
  const missing = join(folder, 'missing');
  return command === 'agent'
    ? ['agent', '--server', 'http://127.0.0.1:1', '--key-file', missing]
    : [...command.split(' '), '--config', missing];
};

describe.each(['serve', 'daemon', 'ca serve', 'agent'])(
  'the error that ends acmex %s',
  (command) => {
    it('is a line of the log, with its code', async () => {
      const { code, stderr } = await acmex(failing(command), { env: { HOME: folder } });
      expect(code).toBeGreaterThan(0);
      const lines = stderr.split('\n').filter((line) => line !== '');
      expect(lines.map((line) => JSON.parse(line) as object)).toEqual([
        {
          ...{ level: 'error', package: '@acmex/cli' },
          time: expect.stringMatching(/^\d{4}-.*Z$/),
          code: expect.stringMatching(/^ERR_/),
          msg: expect.stringContaining('missing'),
        },
      ]);
    });

    it.each([
      ['an unknown option', ['--bogus\u0007'], "unknown option '--bogus\u0007'"],
      ['a misspelt option', ['--log-levle', 'info'], 'Did you mean --log-level?'],
      ['an option without its value', ['--log-level'], 'argument missing'],
      ['a value that does not fit', ['--log-level', 'loud'], 'loud'],
      ['an argument too many', ['nothing'], 'too many arguments'],
    ])('is a line of the log for %s too', async (_, words, text) => {
      const args = [...(command === 'agent' ? failing(command) : command.split(' ')), ...words];
      const { code, stdout, stderr } = await acmex(args, { env: { HOME: folder } });
      expect({ code, stdout, log: JSON.parse(stderr) as object }).toEqual({
        ...{ code: 2, stdout: '' },
        log: {
          ...{ level: 'error', package: '@acmex/cli', code: 'ERR_CLI_USAGE' },
          time: expect.stringMatching(/^\d{4}-.*Z$/),
          msg: expect.stringContaining(text),
        },
      });
      expect(stderr).toMatch(/\(see acmex [a-z ]+ --help\)"\}\n$/);
      expect(stderr).not.toContain('\u0007');
      const forPerson = await acmex(args, { env: { HOME: folder }, isTerminal: true });
      expect(forPerson).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/^error: [^]*\n\(see acmex [a-z ]+ --help\)\n$/),
      });
    });

    it('is text for a person', async () => {
      const options = { env: { HOME: folder }, isTerminal: true };
      const { stderr } = await acmex(failing(command), options);
      expect(stderr).toMatch(/^acmex: .*missing.* \[ERR_[A-Z_]+\]\n$/);
    });
  },
);

it('the error that ends any other command is text', async () => {
  const { stderr } = await acmex(failing('renew'), { env: { HOME: folder } });
  expect(stderr).toMatch(/^acmex: .*missing.* \[ERR_[A-Z_]+\]\n$/);
});
