import { readFile } from 'node:fs/promises';
import { DeployError } from './errors.ts';

/** Whose a file is to be, by name or number; absent: who writes it. */
export interface Ownership {
  readonly owner?: string | undefined;
  readonly group?: string | undefined;
}

/** Numbers for chown(2); -1 leaves as it is. @throws DeployError `ERR_DEPLOY_TARGET` for a name that this machine does not know */
export async function idsOf({
  owner,
  group,
}: Ownership): Promise<{ readonly uid: number; readonly gid: number }> {
  return {
    uid: await idIn('/etc/passwd', 'user', owner),
    gid: await idIn('/etc/group', 'group', group),
  };
}

async function idIn(file: string, kind: string, name: string | undefined): Promise<number> {
  if (name === undefined) return -1;
  if (/^\d{1,10}$/.test(name)) return Number(name);
  const line = (await readFile(file, 'utf8'))
    .split('\n')
    .map((one) => one.split(':'))
    .find(([own]) => own === name);
  if (line?.[2] === undefined)
    throw new DeployError(
      'ERR_DEPLOY_TARGET',
      `this machine has no ${kind} ${JSON.stringify(name)}: correct it, or give a number`,
    );
  return Number(line[2]);
}
