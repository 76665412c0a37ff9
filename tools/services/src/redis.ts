import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import { localCertificate } from './local-certificate.ts';
import { opened } from './opened.ts';
import { ProgramError, startProgram } from './program.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface RedisOptions {
  /** Whether it logs each write to a file; no by default. */
  readonly appendonly?: boolean;
  /** When that file is brought to the disk; `everysec` by default. */
  readonly appendfsync?: 'always' | 'everysec' | 'no';
  /** Of the default user. */
  readonly password?: string;
  /**
   * Lines of an ACL file: `user acmex on >password ~{acmex}:* +@all`. Not together with `password`.
   */
  readonly acl?: readonly string[];
  /** Whether it speaks TLS, and TLS alone, with a certificate of a CA made for it. */
  readonly tls?: boolean;
  /** Further settings: `{ 'maxmemory-policy': 'noeviction' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/**
 * A Redis on a port of 127.0.0.1. Its data lasts over `kill` and `restart` as far as its settings
 * promise, and goes when it is disposed of.
 */
export interface RedisServer extends AsyncDisposable {
  readonly port: number;
  /** `redis://127.0.0.1:PORT`, or `rediss://`; without a password. */
  readonly url: string;
  /** The CA of its certificate, PEM; empty without TLS. */
  readonly caCertificate: string;
  /** Of the process that runs now. */
  pid(): number;
  /** Where it stores its files. */
  readonly folder: string;
  /** What it wrote since its last start. */
  log(): string;
  /** What redis-cli prints for a command; only without password and TLS. */
  command(...words: readonly string[]): Promise<string>;
  /** SIGKILL, and waits for its end. Killed already: nothing happens. */
  kill(): Promise<void>;
  /**
   * Starts it again at the same port with the same data, after SIGTERM where it still runs. Before,
   * redis-check-aof removes a write that a kill has cut.
   */
  restart(): Promise<void>;
}

/** Starts Redis on a free port. @throws ProgramError with the log when it does not start */
export async function startRedis({
  appendonly = false,
  appendfsync = 'everysec',
  password,
  acl,
  tls = false,
  settings = {},
}: RedisOptions = {}): Promise<RedisServer> {
  const {
    caCertificate = '',
    certificate = '',
    privateKey = '',
  } = tls ? await localCertificate() : {};
  return startRedisProgram({
    caCertificate,
    async configure(folder, port) {
      const file = async (name: string, text: string) => {
        await writeFile(join(folder, name), text, { mode: 0o600 });
        return join(folder, name);
      };
      return {
        appendonly: appendonly ? 'yes' : 'no',
        appendfsync,
        'aof-load-truncated': 'no',
        ...settings,
        ...(password === undefined ? {} : { requirepass: password }),
        ...(acl
          ? { aclfile: await file('users.acl', acl.map((line) => `${line}\n`).join('')) }
          : {}),
        ...(tls
          ? {
              port: '0',
              'tls-port': String(port),
              'tls-auth-clients': 'no',
              'tls-ca-cert-file': await file('ca.pem', caCertificate),
              'tls-cert-file': await file('certificate.pem', certificate),
              'tls-key-file': await file('key.pem', privateKey),
            }
          : {}),
      };
    },
  });
}

export interface RedisProgramOptions {
  /** Its settings, besides those that keep it to this machine and to its folder. */
  readonly configure: (folder: string, port: number) => Promise<Readonly<Record<string, string>>>;
  readonly args?: readonly string[];
  readonly caCertificate?: string;
}

/**
 * Starts redis-server with settings of any kind.
 * @throws ProgramError with the log when it does not start
 */
export async function startRedisProgram(options: RedisProgramOptions): Promise<RedisServer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePort(), options);
    } catch (error) {
      if (
        attempt === 5 ||
        !(error instanceof ProgramError && error.log.includes('Address already in use'))
      )
        throw error;
    }
  }
}

async function start(
  port: number,
  { configure, args = [], caCertificate = '' }: RedisProgramOptions,
): Promise<RedisServer> {
  const resources = opened();
  try {
    const folder = resources.use(await temporaryFolder('redis'));
    const file = join(folder.path, 'redis.conf');
    const settings = {
      port: String(port),
      bind: '127.0.0.1',
      save: '""',
      dir: folder.path,
      ...(await configure(folder.path, port)),
    };
    await writeFile(
      file,
      Object.entries(settings)
        .map(([setting, value]) => `${setting} ${value}\n`)
        .join(''),
      { mode: 0o600 },
    );
    const run = () =>
      startProgram({
        command: 'redis-server',
        args: [file, ...args],
        ready: (log) => /Ready to accept connections|\+monitor master/.test(log),
      });
    let program = await run();
    resources.use({ [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() });
    return {
      port,
      folder: folder.path,
      caCertificate,
      url: `${caCertificate ? 'rediss' : 'redis'}://127.0.0.1:${port}`,
      pid: () => program.pid,
      log: () => program.log(),
      command: (...words) => redisCli(port, words),
      async kill() {
        try {
          process.kill(program.pid, 'SIGKILL');
        } catch {
          /* it has ended */
        }
        await program[Symbol.asyncDispose]();
      },
      async restart() {
        await program[Symbol.asyncDispose]();
        await withoutCutWrite(folder.path);
        program = await run();
      },
      [Symbol.asyncDispose]: () => resources.close(),
    };
  } catch (error) {
    await resources.close();
    throw error;
  }
}

/** Removes what a kill has left of a write from the append-only file, if there is such a file. */
async function withoutCutWrite(folder: string): Promise<void> {
  const manifest = join(folder, 'appendonlydir', 'appendonly.aof.manifest');
  if (!existsSync(manifest)) return;
  const check = promisify(execFile)('redis-check-aof', ['--fix', manifest]);
  // It may end before it reads the answer: it asks only where there is something to repair.
  check.child.stdin?.on('error', () => undefined).end('y\n');
  await check;
}

async function redisCli(port: number, words: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('redis-cli', ['-p', String(port), ...words]);
  return stdout.trimEnd();
}
