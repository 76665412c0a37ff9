import { execFile } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { removeFolder } from '@acmex/services';

const run = promisify(execFile);
const password = 'password-that-stays-secret';
let texts: Promise<Readonly<Record<string, string>>> | undefined;

/** Makes keys and certificates with OpenSSL. */
async function makeTexts(): Promise<Readonly<Record<string, string>>> {
  const folder = await mkdtemp(join(tmpdir(), 'acmex-azure-'));
  const openssl = (line: string) => run('openssl', line.split(' '), { cwd: folder });
  const certificate = 'req -x509 -newkey rsa:2048 -nodes -subj /CN=acmex';
  await openssl(`${certificate} -keyout key -out certificate`);
  await openssl(`${certificate} -keyout foreignkey -out foreign`);
  await openssl(`pkcs8 -topk8 -in key -out encrypted -passout pass:${password}`);
  await openssl('genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec');
  const read = async (name: string) => [name, await readFile(join(folder, name), 'utf8')] as const;
  const names = ['key', 'certificate', 'foreign', 'encrypted', 'ec'];
  const all = Object.fromEntries(await Promise.all(names.map(read)));
  await removeFolder(folder);
  return { ...all, wrong: all['encrypted'] ?? '', password };
}

/** Returns a folder in which files of a client certificate are written. */
export async function certificateFolder() {
  texts ??= makeTexts();
  const folder = await mkdtemp(join(tmpdir(), 'acmex-azure-'));
  const known = await texts;
  return {
    folder,
    texts: {
      password,
      certificate: known['certificate'] ?? '',
      foreign: known['foreign'] ?? '',
    },
    /** Writes a file of these texts, one after the other. */
    write: async (names: readonly string[]): Promise<string> => {
      const file = join(folder, 'certificate.pem');
      await writeFile(file, names.map((name) => known[name]).join(''), { mode: 0o600 });
      return file;
    },
  };
}
