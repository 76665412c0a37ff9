import { readFile } from 'node:fs/promises';
import { changeStore, rootCertificate, systemPrograms, trustStores } from './index.ts';

/** A program for tests: adds a root to the store of the system, or removes it. */
const [change, file = '', home = ''] = process.argv.slice(2);
const root = rootCertificate({ pem: await readFile(file, 'utf8'), file });
const programs = systemPrograms({ env: process.env, home });
const [store] = await trustStores({
  ...{ platform: process.platform, home, env: process.env, programs },
  ...{ uid: process.getuid?.(), kinds: ['system'] },
});
if (!store) throw new Error('no store');
const isChanged = await changeStore(store, change === 'add' ? 'add' : 'remove', { root, programs });
process.stdout.write(`${isChanged}\n`);
