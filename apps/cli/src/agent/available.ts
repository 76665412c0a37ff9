import { printable } from '@acmex/errors';
import { CliError } from '../errors.ts';
import { ServerFault, type Servers } from './servers.ts';

/** A certificate that a server has for this key. */
export interface Available {
  readonly id: string;
  readonly names: readonly string[];
  /** Of the one that is in use there. */
  readonly serialNumber: string;
}

/**
 * The certificates that are issued and not revoked: all that the key may see, or those that are wanted, by id or name.
 * @returns those, and what of the wanted is not there
 */
export async function available(
  servers: Servers,
  wanted: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly certificates: readonly Available[]; readonly missing: readonly string[] }> {
  if (wanted.length === 0)
    return { certificates: distinct(await pages(servers, '', signal)), missing: [] };
  const found = await Promise.all(
    wanted.map(async (which) => ({ which, certificates: await one(servers, which, signal) })),
  );
  return {
    certificates: distinct(found.flatMap(({ certificates }) => certificates)),
    missing: found
      .filter(({ certificates }) => certificates.length === 0)
      .map(({ which }) => which),
  };
}

async function one(
  servers: Servers,
  which: string,
  signal: AbortSignal,
): Promise<readonly Available[]> {
  if (!isId(which)) return await pages(servers, `&name=${encodeURIComponent(which)}`, signal);
  try {
    return availableOf(json((await servers.ask(`/api/certificates/${which}`, { signal })).text));
  } catch (error) {
    if (error instanceof ServerFault && error.serverCode === 'ERR_SERVER_NOT_FOUND') return [];
    throw error;
  }
}

async function pages(
  servers: Servers,
  filter: string,
  signal: AbortSignal,
): Promise<readonly Available[]> {
  const all: Available[] = [];
  for (let cursor: unknown = ''; typeof cursor === 'string';) {
    const page: unknown = json(
      (
        await servers.ask(
          `/api/certificates?limit=200${filter}${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
          { signal },
        )
      ).text,
    );
    if (!isObject(page) || !Array.isArray(page.items)) throw notAcmex();
    all.push(...page.items.flatMap(availableOf));
    cursor = page.next;
  }
  return all;
}

function availableOf(one: unknown): readonly Available[] {
  if (
    !isObject(one) ||
    !isId(one.id) ||
    !Array.isArray(one.names) ||
    !one.names.every((name) => typeof name === 'string')
  )
    throw notAcmex();
  const { id, names, current } = one;
  if (!isObject(current) || current.revokedAt !== undefined) return [];
  if (typeof current.serialNumber !== 'string' || !/^[0-9a-f]{1,64}$/.test(current.serialNumber))
    throw notAcmex();
  return [{ id, names, serialNumber: current.serialNumber }];
}

/** The order of their making: names of folders are given in it. */
function distinct(all: readonly Available[]): readonly Available[] {
  return [...new Map(all.map((one) => [one.id, one])).values()].sort((one, other) =>
    one.id < other.id ? -1 : 1,
  );
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ServerFault(
      'ERR_CLI_SERVER_ANSWER',
      `the server's list of certificates is no JSON: ${printable(text, 60)}`,
      { cause },
    );
  }
}

function notAcmex(): ServerFault {
  return new ServerFault(
    'ERR_CLI_SERVER_ANSWER',
    "the server's list of certificates is not AcmeX's: update this program, or check the URL",
  );
}

function isId(which: unknown): which is string {
  return typeof which === 'string' && /^crt_[0-9a-z]{26}$/.test(which);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** @throws CliError `ERR_CLI_NO_CERTIFICATE` where something that was named is not there */
export function assertThere(missing: readonly string[]): void {
  if (missing.length > 0)
    throw new CliError(
      'ERR_CLI_NO_CERTIFICATE',
      `the server has no issued certificate for this key by ${missing.map((which) => printable(which, 255)).join(', ')}`,
    );
}
