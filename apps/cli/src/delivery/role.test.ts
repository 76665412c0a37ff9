import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { acmex } from '../terminal.testing.ts';

const deploy = join(import.meta.dirname, '../../deploy');
const read = async (file: string) => await readFile(join(deploy, file), 'utf8');

it('names roles, in the units and in compose.yaml, that acmex serve has', async () => {
  const help = (await acmex(['serve', '--help'])).stdout.replaceAll(/\s+/g, ' ');
  const [, list = ''] = /--role <.*?\(choices: ([^)]*)\)/.exec(help) ?? [];
  const roles = [...list.matchAll(/"(\w+)"/g)].map(([, role]) => role);
  const named = [
    ...`${await read('systemd/acmex-server.service')}${await read('systemd/acmex-worker@.service')}${await read('compose.yaml')}`.matchAll(
      /(?:--role,? |ROLE=)(\w+)/g,
    ),
  ].map(([, role]) => role);
  expect(new Set(named)).toEqual(new Set(['all', 'api', 'worker']));
  expect(roles).toEqual(expect.arrayContaining([...new Set(named)]));
});
