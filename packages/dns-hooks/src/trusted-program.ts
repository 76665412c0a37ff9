import { fileErrorText, trustedFile, trustedProgram } from '@acmex/files';
import { DnsError } from '@acmex/dns';

/**
 * Finds the program of a hook: by an absolute path, by a path from the current directory, or by a
 * name in PATH.
 *
 * @returns the real path of a program that no one but root and the current user can change
 * @throws DnsError `ERR_DNS_HOOK`
 */
export async function hookProgram(program: string, path: string | undefined): Promise<string> {
  return await orDnsError(trustedProgram(program, { path, from: process.cwd() }));
}

/**
 * Checks that no one but root and the current user can change a script.
 *
 * @returns its real path
 * @throws DnsError `ERR_DNS_HOOK`
 */
export async function hookScript(path: string): Promise<string> {
  return await orDnsError(trustedFile(path), path);
}

async function orDnsError(checked: Promise<string>, path?: string): Promise<string> {
  try {
    return await checked;
  } catch (cause) {
    const subject = path === undefined ? 'the hook' : `the hook ${path}`;
    throw new DnsError('ERR_DNS_HOOK', `${subject} is not run: ${fileErrorText(cause)}`, { cause });
  }
}
