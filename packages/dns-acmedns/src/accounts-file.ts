import { readFile } from 'node:fs/promises';
import { DnsError } from '@acmex/dns';
import type { AcmednsAccount } from './account.ts';

const fields = ['fulldomain', 'subdomain', 'username', 'password'] as const;

/**
 * Reads the file in which lego, cert-manager and acme-dns-auth.py store their accounts: a JSON
 * object with an account for each name.
 *
 * @throws DnsError `ERR_DNS_CREDENTIALS`; its message never has a password
 */
export async function readAccountsFile(file: string): Promise<readonly AcmednsAccount[]> {
  const entries = Object.entries(parsed(await textOf(file), file));
  return entries.map(([name, entry]) => {
    const account = { ...(entry as Readonly<Record<string, unknown>> | null) };
    const missing = fields.find((field) => typeof account[field] !== 'string' || !account[field]);
    if (missing !== undefined)
      throw refused(file, `its entry ${JSON.stringify(name)} has no ${missing}`);
    const { fulldomain, subdomain, username, password } = account as Readonly<
      Record<(typeof fields)[number], string>
    >;
    return { fulldomain, subdomain, username, password };
  });
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new DnsError(
      'ERR_DNS_CREDENTIALS',
      `acmedns: the accounts file ${file} cannot be read: check its path, and who may read it`,
      { cause },
    );
  }
}

function parsed(text: string, file: string): object {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json;
  } catch {
    // The parser's own words would quote the file.
  }
  throw refused(file, 'it is not a JSON object');
}

function refused(file: string, why: string): DnsError {
  return new DnsError(
    'ERR_DNS_CREDENTIALS',
    `acmedns: the accounts file ${file} cannot be used: ${why}: write {"example.com": {"fulldomain": "…", "subdomain": "…", "username": "…", "password": "…"}}`,
  );
}
