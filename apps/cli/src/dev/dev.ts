import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import { createServer, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Clock, systemClock } from '@acmex/clock';
import { errorCode, errorText, listenFailureText } from '@acmex/errors';
import { fileErrorText } from '@acmex/files';
import { identifier, isWildcard } from '@acmex/identifier';
import { localCa, type LocalCa, type LocalCaOptions } from '@acmex/local-ca';
import { CliError } from '../errors.ts';
import { freePort } from '../free-port.ts';
import type { Terminal } from '../terminal.ts';
import { devProxy } from './dev-proxy.ts';

export interface DevOptions {
  /** 443, or a port from 8443 on, by default. */
  readonly port?: number | undefined;
  /** The loopback addresses by default. */
  readonly host?: string | undefined;
  /** That of the user by default. */
  readonly localCa?: LocalCaOptions | undefined;
}

/** What the words after the name say. */
type Target =
  { readonly port: number } | { readonly program: string; readonly args: readonly string[] };

const usualPort = 443;
const firstAlternative = 8443;
const alternatives = 20;
const dayAfter = { hours: 24 };

/**
 * `acmex dev`: serves a program of this machine by HTTPS, until the terminal's signal aborts or the
 * program that it has started ends.
 * @returns the exit code
 */
export async function dev(
  words: readonly string[],
  options: DevOptions,
  terminal: Terminal,
): Promise<number> {
  const { clock = systemClock } = terminal;
  const name = localName(words[0] ?? '');
  const target = targetOf(words.slice(1));
  const port = 'port' in target ? target.port : await freePort();
  const stop = new AbortController();
  const signal = AbortSignal.any([terminal.signal, stop.signal]);
  const ca = await localCa({ clock, ...options.localCa });
  const { onRequest, onUpgrade } = devProxy(port, { clock, signal });
  const server = createSecureServer({ ...(await ca.issue()), allowHTTP1: true });
  server.addContext(name, await ca.issue([name]));
  server.on('request', (request, response) => void onRequest(request, response));
  server.on('upgrade', (request, socket, head) => void onUpgrade(request, socket, head));
  const connections = connectionsOf(server);
  const listening = await listen(server, options);
  void renewDaily(server, { name, ca, clock, signal, terminal });
  try {
    const program =
      'program' in target ? await startProgram(target, { port, terminal }) : undefined;
    const place = listening.port === usualPort ? '' : `:${listening.port}`;
    terminal.stdout.write(`https://${name}${place} is served from http://localhost:${port}\n`);
    if (ca.made !== 'earlier')
      terminal.stderr.write(
        `The local CA in ${ca.path} is new: browsers trust it after acmex trust.\n`,
      );
    return program ? await endOf(program, terminal) : await untilAborted(terminal.signal);
  } finally {
    stop.abort();
    for (const each of listening.servers) each.close();
    for (const connection of connections) connection.destroy();
  }
}

/** @throws CliError `ERR_CLI_USAGE` for a name that the local CA does not issue for */
function localName(word: string): string {
  const usage = (message: string, cause?: unknown) =>
    new CliError('ERR_CLI_USAGE', message, { cause });
  try {
    const { value } = identifier(word);
    if ((value === 'localhost' || value.endsWith('.localhost')) && !isWildcard(value)) return value;
  } catch (cause) {
    throw usage(errorText(cause), cause);
  }
  throw usage(
    `${word} is not localhost or a name below it, which are the names of this machine: use a name such as example.localhost`,
  );
}

function targetOf([first, ...rest]: readonly string[]): Target {
  if (first === undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      'there is no program to serve: add its port, or -- and the command that starts it',
    );
  if (rest.length > 0 || !/^\d+$/.test(first)) return { program: first, args: rest };
  const port = Number(first);
  if (port >= 1 && port <= 65_535) return { port };
  throw new CliError('ERR_CLI_USAGE', `${first} is not a port: use a number from 1 to 65535`);
}

interface Listening {
  readonly port: number;
  readonly servers: readonly Server[];
}

/** Listens on the wanted port; by default on 443, or where that is not possible, on a higher one. */
async function listen(server: Http2SecureServer, { port, host }: DevOptions): Promise<Listening> {
  const numbers = Array.from({ length: alternatives }, (_, index) => firstAlternative + index);
  const candidates = port === undefined ? [usualPort, ...numbers] : [port];
  let failure: unknown;
  for (const candidate of candidates) {
    try {
      return await listenAt(server, candidate, host);
    } catch (error) {
      failure = error;
      if (!['EACCES', 'EADDRINUSE'].includes(errorCode(error) ?? '')) break;
    }
  }
  throw new CliError(
    'ERR_CLI_LISTEN',
    `port ${port ?? usualPort}${host === undefined ? '' : ` of ${host}`} cannot be listened on: ${listenFailureText(failure)}`,
    { cause: failure },
  );
}

/** Browsers reach names below localhost at both loopback addresses. */
async function listenAt(
  server: Http2SecureServer,
  port: number,
  host: string | undefined,
): Promise<Listening> {
  await once(server.listen({ port, host: host ?? '127.0.0.1' }), 'listening');
  if (host !== undefined) return { port, servers: [server] };
  const second = createServer((connection) => void server.emit('connection', connection));
  try {
    await once(second.listen({ port, host: '::1' }), 'listening');
    return { port, servers: [server, second] };
  } catch (error) {
    // A machine without IPv6.
    if (errorCode(error) !== 'EADDRINUSE') return { port, servers: [server] };
    server.close();
    await once(server, 'close');
    throw error;
  }
}

/** Returns the open connections of a server. */
function connectionsOf(server: Http2SecureServer): ReadonlySet<Duplex> {
  const connections = new Set<Duplex>();
  server.on('connection', (connection: Duplex) => {
    connections.add(connection);
    connection.once('close', () => connections.delete(connection));
  });
  return connections;
}

/** A certificate lives for 30 days, and the machine has a new address at times. */
async function renewDaily(
  server: Http2SecureServer,
  {
    name,
    ca,
    clock,
    signal,
    terminal,
  }: {
    readonly name: string;
    readonly ca: LocalCa;
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly terminal: Terminal;
  },
): Promise<void> {
  for (;;) {
    await clock.sleep(dayAfter, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    try {
      server.setSecureContext(await ca.issue());
      server.addContext(name, await ca.issue([name]));
    } catch (error) {
      terminal.stderr.write(`warning: the certificate is not renewed: ${errorText(error)}\n`);
    }
  }
}

async function untilAborted(signal: AbortSignal): Promise<number> {
  if (!signal.aborted) await once(signal, 'abort');
  return 0;
}

/** Starts a program with its port in PORT. @throws CliError `ERR_CLI_USAGE` */
async function startProgram(
  { program, args }: { readonly program: string; readonly args: readonly string[] },
  { port, terminal }: { readonly port: number; readonly terminal: Terminal },
): Promise<ChildProcess> {
  const child = spawn(program, args, {
    env: { ...terminal.env, PORT: String(port) },
    stdio: 'inherit',
    // There, npm and npx are files for the shell.
    shell: process.platform === 'win32',
  });
  try {
    await once(child, 'spawn');
    return child;
  } catch (cause) {
    const text =
      errorCode(cause) === 'ENOENT'
        ? `${program} is neither a port nor a program that is installed: correct it`
        : `${program} cannot be started: ${fileErrorText(cause)}`;
    throw new CliError('ERR_CLI_USAGE', text, { cause });
  }
}

/** Returns the exit code of a program; 0 where the signal has ended it. */
async function endOf(child: ChildProcess, { signal }: Terminal): Promise<number> {
  const stop = () => child.kill();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return signal.aborted ? 0 : (code ?? 1);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
