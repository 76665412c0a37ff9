import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundledProgram, eventually, freePort, removeFolder } from '@acmex/services';
import type { TestCa } from '../serving.testing.ts';
import type { ServeOptions } from '../serve.ts';
import type { Role } from './role.ts';

/** A process of a team. */
export interface MemberProcess {
  readonly url: string;
  readonly pid: number;
  readonly said: readonly string[];
  kill(signal: NodeJS.Signals): void;
  /** Its exit code. */
  readonly ended: Promise<number | null>;
}

export interface TeamOfProcesses extends AsyncDisposable {
  readonly folder: string;
  /** The first API key. */
  readonly key: string;
  start(role: Role): Promise<MemberProcess>;
  call(
    url: string,
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{
    readonly status: number;
    readonly headers: Headers;
    // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests read any member of a body
    readonly body: any;
    readonly text: string;
  }>;
}

export interface TeamOfProcessesOptions {
  readonly redisUrl: string;
  readonly ca: TestCa;
  /** More lines of the configuration, from the top level on. */
  readonly toml?: string;
  /** Where all is kept; in Redis by default. */
  readonly storage?: 'file';
  /** More lines of `[server]`. */
  readonly server?: string;
  readonly lease?: ServeOptions['lease'];
}

let program: Promise<string> | undefined;

export async function teamOfProcesses({
  redisUrl,
  ca,
  toml = '',
  storage,
  server = '',
  lease,
}: TeamOfProcessesOptions): Promise<TeamOfProcesses> {
  const file = await (program ??= bundledProgram(join(import.meta.dirname, 'member.testing.ts')));
  const folder = await mkdtemp(join(tmpdir(), 'acmex-team-'));
  const processes = new Set<ChildProcess>();
  await writeFile(join(folder, 'root.pem'), ca.root);
  const encryptionKey = randomBytes(32).toString('hex');
  const configuration = async () => {
    const configFile = join(folder, `acmex-${randomBytes(4).toString('hex')}.toml`);
    await writeFile(
      configFile,
      `
${toml}
[redis]
url = "${redisUrl}"
[storage]
${storage === 'file' ? `url = "file:${join(folder, 'data')}"` : ''}
[storage.encrypted]
encryption_key = "${encryptionKey}"
[server]
listen_addr = "127.0.0.1:${await freePort()}"
answer_challenges = ["http-01"]
${server}
[acme]
ca = "custom"
ca_custom_url = "${ca.directory}"
ca_certificate = "${join(folder, 'root.pem')}"
tos_agreed = true
[challenge.http01]
listen_addr = "127.0.0.1:${ca.httpPort}"
`,
      { mode: 0o600 },
    );
    return configFile;
  };
  let key = '';
  return {
    folder,
    get key() {
      return key;
    },
    async start(role) {
      const child = spawn(
        process.execPath,
        [
          file,
          JSON.stringify({
            folder,
            role,
            lease,
            dataDirectory: join(folder, 'data'),
            configFile: await configuration(),
          }),
        ],
        { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder },
      );
      processes.add(child);
      const said: string[] = [];
      const ended = once(child, 'exit').then(([code]) => {
        processes.delete(child);
        return code as number | null;
      });
      for (const stream of [child.stdout, child.stderr]) {
        let rest = '';
        stream.setEncoding('utf8').on('data', (text: string) => {
          const lines = (rest + text).split('\n');
          rest = lines.pop() ?? '';
          said.push(...lines);
          for (const line of lines) if (line.startsWith('key ')) key = line.slice(4);
        });
      }
      const ready = () => said.find((line) => line.startsWith('ready '));
      await Promise.race([
        eventually(() => ready() !== undefined, 60),
        ended.then((code) => {
          throw new Error(`a process of the team ended with ${code}: ${said.join('\n')}`);
        }),
      ]);
      return {
        url: ready()?.slice(6) ?? '',
        pid: child.pid ?? 0,
        said,
        kill: (signal) => {
          child.kill(signal);
        },
        ended,
      };
    },
    async call(url, method, path, body, headers = {}) {
      const answer = await fetch(`${url}${path}`, {
        method,
        headers: {
          'x-api-key': key,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      return {
        status: answer.status,
        headers: answer.headers,
        text,
        body: /json/.test(answer.headers.get('content-type') ?? '')
          ? (JSON.parse(text) as unknown)
          : undefined,
      };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(
        [...processes].map(async (child) => {
          const gone = once(child, 'exit');
          child.kill('SIGCONT');
          child.kill('SIGKILL');
          await gone;
        }),
      );
      await removeFolder(folder);
    },
  };
}
