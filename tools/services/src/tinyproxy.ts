import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { opened } from './opened.ts';
import { ProgramError, startProgram } from './program.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface TinyproxyOptions {
  /** Without it, the proxy serves everyone on this machine. */
  readonly credentials?: { readonly user: string; readonly password: string };
  /** Hosts that it refuses to connect to. */
  readonly refusedHosts?: readonly string[];
}

/** An HTTP proxy, whose connections to its targets come from an address that only it uses. */
export interface Tinyproxy extends AsyncDisposable {
  readonly port: number;
  /** The URL without credentials. */
  readonly url: string;
  /** The address that its targets see: every connection from elsewhere is a direct one. */
  readonly outgoingAddress: string;
  /** The requests that it got, such as `CONNECT localhost:443` and `GET http://localhost/`. */
  requests(): readonly string[];
  log(): string;
}

const outgoingAddress = '127.0.0.77';

/**
 * Starts tinyproxy on a free port of 127.0.0.1.
 * @throws ProgramError with the log when it does not start
 */
export async function startTinyproxy(options: TinyproxyOptions = {}): Promise<Tinyproxy> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(options);
    } catch (error) {
      const isPortTaken = error instanceof ProgramError && /bind|listen/i.test(error.log);
      if (!isPortTaken || attempt === 5) throw error;
    }
  }
}

async function start({ credentials, refusedHosts = [] }: TinyproxyOptions): Promise<Tinyproxy> {
  const resources = opened();
  try {
    const folder = resources.use(await temporaryFolder('tinyproxy'));
    const port = await freePort();
    const filter = join(folder.path, 'filter');
    const file = join(folder.path, 'tinyproxy.conf');
    const pattern = refusedHosts.map((host) => `^${host.replaceAll('.', String.raw`\.`)}$`);
    await writeFile(filter, `${pattern.join('\n')}\n`);
    await writeFile(
      file,
      [
        `Port ${port}`,
        'Listen 127.0.0.1',
        `Bind ${outgoingAddress}`,
        'Allow 127.0.0.1',
        'LogLevel Info',
        'Timeout 60',
        'DisableViaHeader Yes',
        ...(credentials ? [`BasicAuth ${credentials.user} ${credentials.password}`] : []),
        ...(refusedHosts.length > 0 ? [`Filter "${filter}"`, 'FilterExtended On'] : []),
        '',
      ].join('\n'),
    );
    const { log } = resources.use(
      await startProgram({
        command: 'tinyproxy',
        args: ['-d', '-c', file],
        ready: (output) => output.includes('Accepting connections'),
      }),
    );
    return {
      port,
      url: `http://127.0.0.1:${port}`,
      outgoingAddress,
      requests: () =>
        [...log().matchAll(/Request \(file descriptor \d+\): (\S+ \S+)/g)].map(
          ([, request = '']) => request,
        ),
      log,
      [Symbol.asyncDispose]: () => resources.close(),
    };
  } catch (error) {
    await resources.close();
    throw error;
  }
}
