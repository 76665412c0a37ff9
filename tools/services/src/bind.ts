import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { ProgramError, startProgram } from './program.ts';
import { opened } from './opened.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface BindOptions {
  /**
   * Zones and their records, as lines of a zone file: `www IN A 192.0.2.1`. Each zone has the name
   * server ns1 at 127.0.0.1 besides.
   */
  readonly zones: Readonly<Record<string, readonly string[]>>;
}

/**
 * A name server that is authoritative for its zones, and takes dynamic updates (RFC 2136) from this
 * machine.
 */
export interface Bind extends AsyncDisposable {
  readonly port: number;
  /** `127.0.0.1:PORT` */
  readonly address: string;
  log(): string;
  /**
   * Changes records as a person does, with nsupdate: `add www.a.test 1 TXT "text"`, `delete
   * www.a.test TXT`.
   */
  update(...changes: readonly string[]): Promise<void>;
}

/**
 * Starts BIND on a free port of 127.0.0.1.
 * @throws ProgramError with the log when it does not start
 */
export async function startBind({ zones }: BindOptions): Promise<Bind> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(zones);
    } catch (error) {
      if (attempt === 5 || !(error instanceof ProgramError && error.log.includes('address in use')))
        throw error;
    }
  }
}

async function start(zones: BindOptions['zones']): Promise<Bind> {
  const resources = opened();
  try {
    const folder = resources.use(await temporaryFolder('bind'));
    const port = await freePort();
    await mkdir(join(folder.path, 'zones'));
    await writeFile(
      join(folder.path, 'zones', 'root'),
      '$TTL 1\n. IN SOA ns1. admin. 1 3600 600 86400 1\n. IN NS ns1.\nns1. IN A 127.0.0.1\n',
    );
    for (const [zone, records] of Object.entries(zones)) {
      await writeFile(
        join(folder.path, 'zones', zone),
        [
          '$TTL 1',
          `@ IN SOA ns1.${zone}. admin.${zone}. 1 3600 600 86400 1`,
          '@ IN NS ns1',
          'ns1 IN A 127.0.0.1',
          ...records,
          '',
        ].join('\n'),
      );
    }
    await writeFile(
      join(folder.path, 'named.conf'),
      [
        `options { directory "${folder.path}"; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none; session-keyfile "${folder.path}/session.key"; lock-file none; recursion yes; dnssec-validation no; notify no; };`,
        'controls { };',
        // A root of its own: no question leaves this machine.
        'zone "." { type primary; file "zones/root"; };',
        ...Object.keys(zones).map(
          (zone) =>
            `zone "${zone}" { type primary; file "zones/${zone}"; allow-update { 127.0.0.1; }; };`,
        ),
      ].join('\n'),
    );
    const { log } = resources.use(
      await startProgram({
        command: 'named',
        args: ['-g', '-c', join(folder.path, 'named.conf')],
        env: { PATH: `${process.env.PATH}:/usr/sbin` },
        ready: (output) => output.includes('all zones loaded'),
      }),
    );
    return {
      port,
      address: `127.0.0.1:${port}`,
      log,
      update: async (...changes) => await update(port, changes),
      [Symbol.asyncDispose]: () => resources.close(),
    };
  } catch (error) {
    await resources.close();
    throw error;
  }
}

async function update(port: number, changes: readonly string[]): Promise<void> {
  const nsupdate = promisify(execFile)('nsupdate', ['-t', '10']);
  const lines = [
    `server 127.0.0.1 ${port}`,
    ...changes.map((change) => `update ${change}`),
    'send',
  ];
  nsupdate.child.stdin?.end(`${lines.join('\n')}\n`);
  await nsupdate;
}
