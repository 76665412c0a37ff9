import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { opened } from './opened.ts';
import { ProgramError, startProgram } from './program.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface PowerDnsOptions {
  /** Each has the name server ns1 at 127.0.0.1. */
  readonly zones: readonly string[];
  readonly apiKey: string;
}

/** A PowerDNS authoritative server with its HTTP API. */
export interface PowerDns extends AsyncDisposable {
  /** Of DNS: `127.0.0.1:PORT` */
  readonly address: string;
  /** Of the API: `http://127.0.0.1:PORT` */
  readonly url: string;
  log(): string;
}

/**
 * Starts PowerDNS on free ports of 127.0.0.1.
 * @throws ProgramError with the log when it does not start
 */
export async function startPowerDns(options: PowerDnsOptions): Promise<PowerDns> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(options);
    } catch (error) {
      if (
        attempt === 5 ||
        !(error instanceof ProgramError && /address already in use/i.test(error.log))
      )
        throw error;
    }
  }
}

async function start({ zones, apiKey }: PowerDnsOptions): Promise<PowerDns> {
  const resources = opened();
  try {
    const folder = resources.use(await temporaryFolder('powerdns'));
    const [port, apiPort] = [await freePort(), await freePort()];
    const url = `http://127.0.0.1:${apiPort}`;
    await mkdir(join(folder.path, 'run'));
    const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' };
    const { log } = resources.use(
      await startProgram({
        command: 'pdns_server',
        args: Object.entries(settings({ folder: folder.path, port, apiPort, apiKey })).map(
          ([name, value]) => `--${name}=${value}`,
        ),
        env: { PATH: `${process.env.PATH}:/usr/sbin` },
        ready: (output) => output.includes('Done launching threads'),
        async answers({ signal }) {
          if (!(await fetch(`${url}/api/v1/servers/localhost`, { headers, signal })).ok)
            throw new Error('the API is not there yet');
        },
      }),
    );
    for (const zone of zones) await addZone({ zone, url, headers, log });
    return {
      address: `127.0.0.1:${port}`,
      url,
      log,
      [Symbol.asyncDispose]: () => resources.close(),
    };
  } catch (error) {
    await resources.close();
    throw error;
  }
}

interface Settings {
  readonly folder: string;
  readonly port: number;
  readonly apiPort: number;
  readonly apiKey: string;
}

function settings({ folder, port, apiPort, apiKey }: Settings): Record<string, string | number> {
  return {
    // No configuration of this machine is read, and nothing is kept from one question to the
    // next.
    'config-dir': folder,
    'socket-dir': join(folder, 'run'),
    daemon: 'no',
    guardian: 'no',
    'disable-syslog': 'yes',
    'write-pid': 'no',
    'local-address': '127.0.0.1',
    'local-port': port,
    'cache-ttl': 0,
    'query-cache-ttl': 0,
    'negquery-cache-ttl': 0,
    'zone-cache-refresh-interval': 0,
    launch: 'lmdb',
    'lmdb-filename': join(folder, 'zones.lmdb'),
    'lmdb-shards': 1,
    'lmdb-map-size': 64,
    api: 'yes',
    'api-key': apiKey,
    webserver: 'yes',
    'webserver-address': '127.0.0.1',
    'webserver-port': apiPort,
    'webserver-allow-from': '127.0.0.1',
  };
}

interface NewZone {
  readonly zone: string;
  /** Of the API. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly log: () => string;
}

async function addZone({ zone, url, headers, log }: NewZone): Promise<void> {
  const nameServer = {
    name: `ns1.${zone}.`,
    type: 'A',
    ttl: 1,
    records: [{ content: '127.0.0.1', disabled: false }],
  };
  const response = await fetch(`${url}/api/v1/servers/localhost/zones`, {
    method: 'POST',
    headers,
    body: JSON.stringify({
      name: `${zone}.`,
      kind: 'Native',
      nameservers: [`ns1.${zone}.`],
      rrsets: [nameServer],
    }),
  });
  if (!response.ok)
    throw new ProgramError(`pdns_server refused the zone ${zone}: ${await response.text()}`, log());
}
