import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CliError } from '../errors.ts';
import type { Terminal } from '../terminal.ts';
import { findServiceUnit, type ServiceUnit, userOf, wordOf, wordsOf } from './service-unit.ts';

export interface ServiceOptions {
  readonly asService?: boolean | undefined;
  /** By name or number; by default that of the systemd unit. */
  readonly serviceUser?: string | undefined;
}

/** How renewals run on this machine. */
export interface Service {
  readonly user: ServiceUser;
  /** Absent where `--service-user` names the user. */
  readonly unit?: ServiceUnit | undefined;
}

interface ServiceUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/**
 * Returns how renewals run, where a command is to run in the same way.
 * @throws CliError `ERR_CLI_SERVICE_USER`
 */
export async function serviceOf({
  asService,
  serviceUser,
}: ServiceOptions): Promise<Service | undefined> {
  if (serviceUser !== undefined) return { user: await userNamed(serviceUser) };
  if (!asService) return undefined;
  const unit = await findServiceUnit();
  if (!unit)
    throw new CliError(
      'ERR_CLI_SERVICE_USER',
      'no systemd unit of AcmeX is installed, so the user that renews is not known: name it with --service-user',
    );
  if (wordOf(unit, 'DynamicUser') === 'yes')
    throw new CliError(
      'ERR_CLI_SERVICE_USER',
      `the user of ${unit.name} exists only while it runs (DynamicUser): name a user with --service-user`,
    );
  return { user: await userNamed(userOf(unit)), unit };
}

async function userNamed(name: string): Promise<ServiceUser> {
  const fields = (await readFile('/etc/passwd', 'utf8').catch(() => ''))
    .split('\n')
    .map((line) => line.split(':'))
    .find(([userName, , uid]) => userName === name || uid === name);
  const [userName, , uid, gid, , home] = fields ?? [];
  if (userName === undefined || uid === undefined || gid === undefined)
    throw new CliError(
      'ERR_CLI_SERVICE_USER',
      `this machine has no user ${JSON.stringify(name)}: create it, or name a different one with --service-user`,
    );
  return { name: userName, uid: Number(uid), gid: Number(gid), home: home ?? '/' };
}

/**
 * Runs a command line that is to run as the service, as the user of the service and with the
 * environment of its unit.
 * @returns the exit code; undefined where this process has the user already
 * @throws CliError `ERR_CLI_SERVICE_USER`
 */
export async function runAsService(
  options: ServiceOptions,
  terminal: Terminal,
): Promise<number | undefined> {
  const service = await serviceOf(options);
  return service && (await runAs(service, terminal));
}

async function runAs({ user, unit }: Service, terminal: Terminal): Promise<number | undefined> {
  if (terminal.uid === user.uid) return undefined;
  if (terminal.uid !== 0)
    throw new CliError(
      'ERR_CLI_SERVICE_USER',
      `renewals run as ${user.name}, and only root can run as a different user: use sudo acmex check --as-service, or sudo -u ${user.name} acmex check --as-service`,
    );
  await using credentials = await passedCredentials(user, unit);
  const env = {
    ...(unit ? unitEnvironment() : callerEnvironment(terminal.env)),
    ...{ HOME: user.home, USER: user.name, LOGNAME: user.name },
    ...(unit ? await definedVariables(unit) : {}),
    ...(credentials.folder === undefined ? {} : { CREDENTIALS_DIRECTORY: credentials.folder }),
  };
  return await runChild(setprivArguments(user, unit), {
    env,
    ...(unit ? { cwd: unit.values('WorkingDirectory').at(-1)?.replace(/^-/, '') ?? '/' } : {}),
    terminal,
  });
}

/** What a unit sees of the environment of systemd. systemd.exec(5) */
function unitEnvironment(): NodeJS.ProcessEnv {
  return { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
}

/** Returns the environment of the caller without what names the caller. */
function callerEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const entries = Object.entries(env).filter(([name]) => !/^(SUDO_|XDG_|MAIL$)/.test(name));
  return Object.fromEntries(entries);
}

/** Returns the variables of `Environment` and `EnvironmentFile`, the files last. */
async function definedVariables(unit: ServiceUnit): Promise<NodeJS.ProcessEnv> {
  const lines = [...wordsOf(unit, 'Environment')];
  for (const file of unit.values('EnvironmentFile')) {
    const text = await readFile(file.replace(/^-/, ''), 'utf8').catch((error: unknown) => {
      if (file.startsWith('-')) return '';
      throw error;
    });
    for (const line of text.split('\n'))
      if (/^\s*[A-Za-z_]\w*=/.test(line))
        lines.push(line.trim().replace(/^(\w+=)(["'])(.*)\2$/, '$1$3'));
  }
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

const credentialStores = ['/etc', '/run', '/usr/local/lib', '/usr/lib'].map((folder) =>
  join(folder, 'credstore'),
);

interface PassedCredentials extends AsyncDisposable {
  /** Absent where the unit loads none. */
  readonly folder?: string | undefined;
}

/** Copies the credentials of `LoadCredential` to a folder that only the user of the service reads. */
async function passedCredentials(
  { uid, gid }: ServiceUser,
  unit: ServiceUnit | undefined,
): Promise<PassedCredentials> {
  const loaded = unit ? wordsOf(unit, 'LoadCredential') : [];
  if (loaded.length === 0) return { [Symbol.asyncDispose]: async () => await Promise.resolve() };
  // In memory, where there is such a folder.
  const parent = existsSync('/run') ? '/run' : tmpdir();
  const folder = await mkdtemp(join(parent, 'acmex-check-'));
  const remove = async () => await rm(folder, { recursive: true, force: true });
  try {
    for (const entry of loaded) {
      const [id = '', path = id] = entry.split(/:(.*)/s);
      const sources = path.startsWith('/')
        ? [path]
        : credentialStores.map((store) => join(store, path));
      const source = sources.find((candidate) => existsSync(candidate));
      if (source === undefined) continue;
      await copyFile(source, join(folder, id));
      await chown(join(folder, id), uid, gid);
    }
    await chown(folder, uid, gid);
    return { folder, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Returns the arguments of setpriv(1) that give up root as the unit does. */
function setprivArguments(
  { uid, gid }: ServiceUser,
  unit: ServiceUnit | undefined,
): readonly string[] {
  const capabilities = (unit ? wordsOf(unit, 'AmbientCapabilities') : []).map(
    (name) => `+${name.toLowerCase().replace(/^cap_/, '')}`,
  );
  const wanted = ['-all', ...capabilities].join(',');
  const group = unit?.values('Group').at(-1) ?? String(gid);
  return [
    ...[`--reuid=${uid}`, `--regid=${group}`, '--init-groups', '--no-new-privs'],
    ...[`--inh-caps=${wanted}`, `--ambient-caps=${wanted}`, `--bounding-set=${wanted}`],
  ];
}

/** The exit code of setpriv(1) where it did not start the program. */
const failedSetpriv = 127;

/** Runs this program again, by setpriv, and passes on what it writes. */
async function runChild(
  change: readonly string[],
  {
    env,
    cwd,
    terminal,
  }: {
    readonly env: NodeJS.ProcessEnv;
    readonly cwd?: string | undefined;
    readonly terminal: Terminal;
  },
): Promise<number> {
  const [script = '', ...words] = process.argv.slice(1);
  const child = spawn(
    'setpriv',
    [...change, '--', process.execPath, ...process.execArgv, script, ...words],
    { env, cwd, stdio: ['ignore', 'pipe', 'pipe'], signal: terminal.signal, killSignal: 'SIGTERM' },
  );
  child.stdout.on('data', (chunk: Buffer) => terminal.stdout.write(chunk));
  child.stderr.on('data', (chunk: Buffer) => terminal.stderr.write(chunk));
  try {
    const [exitCode] = (await once(child, 'close')) as readonly (number | null)[];
    if (exitCode === failedSetpriv) throw new Error('setpriv did not change the user');
    if (exitCode !== null && exitCode !== undefined) return exitCode;
  } catch (cause) {
    terminal.signal.throwIfAborted();
    throw new CliError(
      'ERR_CLI_SERVICE_USER',
      'setpriv, which runs the check as the user of the service, has failed: install util-linux, or run the check as that user',
      { cause },
    );
  }
  terminal.signal.throwIfAborted();
  throw new CliError('ERR_CLI_SERVICE_USER', 'the check was ended by a signal: run it again');
}
