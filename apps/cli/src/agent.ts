import { join } from 'node:path';
import { type Agent, type AgentOptions, assertNoneMissing, openAgent } from '@acmex/agent';
import { systemClock } from '@acmex/clock';
import {
  type Config,
  credentialInFile,
  openNetwork,
  type Override,
  readConfig,
  Secret,
} from '@acmex/config';
import { deployErrors } from '@acmex/deploy';
import { errorCode } from '@acmex/errors';
import { dataDirectory, placesOf } from './configuration.ts';
import { exitCodeOf } from './exit-code.ts';
import { configureAgain, openServiceLog } from './log/service-log.ts';
import { noMetrics, servedMetrics } from './program-metrics.ts';
import { readCertificates } from './read-text.ts';
import type { LogLevel, Terminal } from './terminal.ts';

export interface AgentCommandOptions {
  readonly server: readonly string[];
  readonly keyFile: string;
  readonly certificate?: readonly string[];
  readonly directory?: string;
  readonly deployHook?: readonly string[];
  readonly probe?: { readonly host: string; readonly port: number };
  readonly caCertificate?: string;
  readonly name?: string;
  readonly once?: boolean;
  readonly logLevel: LogLevel;
  /** The values of flags that a configuration has too. */
  readonly overrides?: readonly Override[];
}

/**
 * `acmex agent`: keeps the certificates of this host as they are at the servers until the
 * terminal's signal aborts, or updates them once.
 * @returns the exit code; of `--once`, that of the only kind of failure, or 9 for several kinds
 */
export async function agent(
  options: AgentCommandOptions & { readonly version: string },
  terminal: Terminal,
): Promise<number> {
  const configuration = await flagConfiguration(options, terminal);
  const key = new Secret(async () => await credentialInFile(options.keyFile));
  await using serviceLog = openServiceLog(terminal, {
    package: '@acmex/agent',
    logLevel: options.logLevel,
    ...{ configuration, credentials: [key] },
  });
  const { log } = serviceLog;
  await using metrics = options.once
    ? noMetrics
    : await servedMetrics(configuration.values, systemClock);
  using opened = await openAgent({
    ...(await agentOptions(options, terminal, configuration)),
    key: key.reveal,
    log,
    watch: metrics.addAgent(),
    tracing: terminal.tracing?.agentOptions,
  });
  if (options.once) return await updateOnce(opened);
  await metrics.serve((msg) => log({ level: 'info', msg }));
  const removeListener = terminal.onHangup(() => {
    configureAgain(serviceLog, configuration);
    opened.wake();
  });
  log({
    level: 'info',
    msg: `keeping the certificates of ${options.server.join(', ')} in ${opened.directory}; SIGTERM stops it, SIGHUP updates now`,
  });
  await opened.run();
  removeListener();
  log({ level: 'info', msg: 'stopped' });
  return 0;
}

/** Returns the configuration that flags describe: an agent has no file. */
async function flagConfiguration(
  { overrides = [] }: AgentCommandOptions,
  terminal: Terminal,
): Promise<Config> {
  return await readConfig({ ...placesOf(terminal), file: false, environment: {}, overrides });
}

async function agentOptions(
  options: AgentCommandOptions & { readonly version: string },
  terminal: Terminal,
  configuration: Config,
): Promise<Omit<AgentOptions, 'key'>> {
  const { server, keyFile, certificate, deployHook, probe, caCertificate } = options;
  await credentialInFile(keyFile);
  const { env } = terminal;
  const network = await openNetwork(configuration, { environment: env });
  const serverCa =
    caCertificate === undefined
      ? undefined
      : await readCertificates(caCertificate, 'the CA certificate');
  return {
    servers: server,
    directory: options.directory ?? join(dataDirectory(terminal), 'agent'),
    certificates: certificate,
    hook: deployHook,
    probe,
    environment: env,
    name: options.name,
    fetch: network.fetch(serverCa),
    userAgent: `acmex-agent/${options.version}`,
    signal: terminal.signal,
  };
}

async function updateOnce(opened: Agent): Promise<number> {
  const { missing, deployments } = await opened.update();
  const codes = new Set(
    deployments.flatMap(({ error }) => (error === undefined ? [] : [exitCodeOfDeployment(error)])),
  );
  if (codes.size === 0) assertNoneMissing(missing);
  const isMixed = codes.size > 1 || (codes.size === 1 && missing.length > 0);
  return isMixed ? 9 : ([...codes][0] ?? 0);
}

/** Returns 8 for a certificate that the servers have issued, and that is not deployed here. */
function exitCodeOfDeployment(error: unknown): number {
  return Object.hasOwn(deployErrors, errorCode(error) ?? '') ? 8 : exitCodeOf(error);
}
