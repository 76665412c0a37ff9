// Whether node_modules is what package-lock.json says.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * npm writes node_modules/.package-lock.json when an installation is complete. Either the stamp
 * says that this lock and that record belong together, or the two are compared: what a person has
 * installed is not installed again.
 */
export function isInstalled(folder) {
  if (!existsSync(join(folder, 'node_modules/.package-lock.json'))) return false;
  if (existsSync(stampOf(folder)) && readFileSync(stampOf(folder), 'utf8') === digest(folder))
    return true;
  const [locked, installed] = ['package-lock.json', 'node_modules/.package-lock.json'].map(
    (file) => JSON.parse(readFileSync(join(folder, file), 'utf8')).packages,
  );
  if (!agree(locked, installed)) return false;
  stamp(folder);
  return true;
}

/** Keeps in mind that what npm installed is what the lock says. */
export function stamp(folder) {
  writeFileSync(stampOf(folder), digest(folder));
}

const stampOf = (folder) => join(folder, 'node_modules/.acmex-lock');

function digest(folder) {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\0`);
  for (const file of ['package-lock.json', 'node_modules/.package-lock.json'])
    hash.update(readFileSync(join(folder, file))).update('\0');
  return hash.digest('hex');
}

/**
 * Each package of the lock is there in its version; an optional one may be absent unless it is made
 * for this machine.
 */
function agree(locked, installed) {
  return Object.entries(locked).every(([path, wanted]) => {
    const present = installed[path];
    if (!present) return path === '' || (wanted.optional === true && !isForThisMachine(wanted));
    return (
      present.version === wanted.version &&
      present.integrity === wanted.integrity &&
      (!wanted.link || present.resolved === wanted.resolved)
    );
  });
}

const isForThisMachine = ({ os = [], cpu = [], libc }) =>
  os.includes(process.platform) && cpu.includes(process.arch) && !libc;
