import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { type Clock, systemClock } from '@acmex/clock';
import { credentialInFile } from '@acmex/config';
import { nodeFetch } from '@acmex/protocol/node';
import { dataDirectory } from '../configuration.ts';
import { CliError } from '../errors.ts';
import { exitCodeOf } from '../exit-code.ts';
import { readText } from '../read-text.ts';
import { logTo } from '../server/serve.ts';
import type { LogLevel, Terminal } from '../terminal.ts';
import { Agent } from './agent.ts';
import { assertThere } from './available.ts';
import { InstalledCertificates } from './installed.ts';
import { baseUrl, Servers } from './servers.ts';
import { keyless } from './telling.ts';
import { Using } from './using.ts';

export interface AgentCommandOptions {
  readonly server: readonly string[];
  readonly keyFile: string;
  readonly certificate?: readonly string[];
  readonly directory?: string;
  readonly deployHook?: string;
  readonly probe?: { readonly host: string; readonly port: number };
  readonly caCertificate?: string;
  readonly name?: string;
  readonly once?: boolean;
  readonly logLevel: LogLevel;
}

/**
 * `acmex agent`: keeps what a host uses as the servers have it, until it is told to stop, or once.
 * @returns the exit code: of `--once`, that of the only kind of failure, or 9 for several kinds
 */
export async function agent(
  options: AgentCommandOptions & { readonly version: string },
  terminal: Terminal,
  {
    clock = systemClock,
    random = Math.random,
  }: { readonly clock?: Clock; readonly random?: () => number } = {},
): Promise<number> {
  const { keyFile, once = false, logLevel, caCertificate, version, deployHook, probe } = options;
  const { signal, env: environment } = terminal;
  const name = nameOf(options.name);
  const urls = options.server.map(baseUrl);
  await credentialInFile(keyFile);
  const directory = resolve(options.directory ?? join(dataDirectory(terminal), 'agent'));
  const log = keyless(logTo(terminal, () => logLevel));
  using fetch = nodeFetch(
    caCertificate === undefined ? {} : { ca: await readText(caCertificate, 'the CA certificate') },
  );
  const servers = new Servers({
    urls,
    key: async () => await credentialInFile(keyFile),
    fetch,
    clock,
    userAgent: `acmex-agent/${version}`,
    onOther: (url, { message, code }) =>
      log({ level: 'warn', msg: `${url} is asked from now on: ${message}`, code }),
  });
  const installed = await InstalledCertificates.open(directory);
  const hook = deployHook?.split(/\s+/).filter((word) => word !== '');
  const using = new Using({
    servers,
    installed,
    directory,
    hook,
    probe,
    environment,
    log,
    clock,
    random,
    signal,
  });
  const own = new Agent({
    name,
    servers,
    installed,
    using,
    wanted: options.certificate ?? [],
    log,
    clock,
    random,
    signal,
  });
  if (once) return await lookedOnce(own);
  const deaf = terminal.onHangup(() => own.wake());
  log({
    level: 'info',
    msg: `keeping the certificates of ${urls.join(', ')} in ${directory}; SIGTERM ends it, SIGHUP has it look now`,
  });
  await own.run();
  deaf();
  log({ level: 'info', msg: 'ended' });
  return 0;
}

async function lookedOnce(own: Agent): Promise<number> {
  const { missing, standings } = await own.look();
  const codes = new Set(
    standings.flatMap(({ error }) => (error === undefined ? [] : [exitCodeOf(error)])),
  );
  if (codes.size === 0) assertThere(missing);
  return codes.size > 1 || (codes.size === 1 && missing.length > 0) ? 9 : ([...codes][0] ?? 0);
}

/** @throws CliError `ERR_CLI_USAGE` */
function nameOf(given: string | undefined): string {
  if (given !== undefined && !/^[a-z0-9][a-z0-9._-]{0,99}$/.test(given))
    throw new CliError(
      'ERR_CLI_USAGE',
      `--name "${given.slice(0, 100)}" is no name of a host: write a-z, 0-9 and . _ -`,
    );
  return (
    given ??
    (hostname()
      .toLowerCase()
      .replaceAll(/[^a-z0-9._-]/g, '-')
      .replace(/^[^a-z0-9]+/, '')
      .slice(0, 100) ||
      'host')
  );
}
