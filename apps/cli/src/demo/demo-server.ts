import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type AcmexApi, acmexApi } from '@acmex/api';
import { auditedActions, createExternalAccount } from '@acmex/ca';
import { openDriver } from '@acmex/config';
import type { Storage } from '@acmex/storage';
import { configureAgain, openServiceLog } from '../log/service-log.ts';
import { placesOf } from '../configuration.ts';
import { loadServer } from '../server/load-server.ts';
import { untilStopped } from '../service.ts';
import type { LogLevel, Terminal } from '../terminal.ts';
import { waitingFile } from '../whole-file.ts';
import { emptyDirectory, startDemoCa } from './demo-ca.ts';

export interface DemoServerOptions {
  readonly directory: string;
  readonly addr: string;
  readonly logLevel: LogLevel;
  readonly version: string;
}

/** What is ordered: names as a small company has them. */
const certificates = [
  { names: ['www.demo.test', 'demo.test'], labels: { team: 'web', stage: 'production' } },
  { names: ['shop.demo.test'], labels: { team: 'web', stage: 'production' } },
  { names: ['api.demo.test', 'api2.demo.test'], labels: { team: 'backend', stage: 'production' } },
  { names: ['mail.demo.test', 'imap.demo.test', 'smtp.demo.test'], labels: { team: 'office' } },
  { names: ['wiki.demo.test'], labels: { team: 'office' } },
  { names: ['git.demo.test'], labels: { team: 'backend' } },
  { names: ['metrics.demo.test'], labels: { team: 'backend' } },
  { names: ['staging.demo.test', 'www.staging.demo.test'], labels: { team: 'web', stage: 'test' } },
  { names: ['vpn.demo.test'], labels: { team: 'office' } },
  { names: ['status.demo.test'], labels: { team: 'backend' } },
] as const;
/** It lives for two days and is paused, so that nothing renews it. */
const expiring = {
  names: ['legacy.demo.test'],
  profile: 'two-days',
  labels: { team: 'office' },
} as const;
/** The address of this name has no web server. */
const failing = { names: ['broken.demo.test'], labels: { team: 'web' } } as const;

/**
 * `acmex demo --serve`: a server with its dashboard, at a temporary CA, with certificates of which one
 * is about to expire and one cannot be issued. It runs until the terminal's signal aborts.
 */
export async function demoServer(options: DemoServerOptions, terminal: Terminal): Promise<void> {
  const { directory, addr, logLevel } = options;
  const { serve } = await loadServer();
  const configFile = join(directory, 'acmex.toml');
  await emptyDirectory(directory, configFile);
  const root = join(directory, 'ca-root.pem');
  await using ca = await startDemoCa(root, terminal, {
    profiles: { default: {}, 'two-days': { validity: { hours: 48 } } },
    addressOf: (name) => (name === failing.names[0] ? '127.0.0.9' : '127.0.0.1'),
    storage: await caStorage(directory),
  });
  const key = randomBytes(32).toString('hex');
  const configuration = configurationOf({ addr, directory, ca, root, key });
  await writePrivate(configFile, configuration);
  await using serviceLog = openServiceLog(terminal, { package: '@acmex/server', logLevel });
  const server = await serve({
    ...placesOf(terminal),
    environment: {},
    configFile,
    dataDirectory: directory,
    version: options.version,
    log: serviceLog.log,
    onConfiguration: (loaded) => configureAgain(serviceLog, loaded),
  });
  try {
    const { issued, failed } = await filled(acmexApi({ url: server.url, key }), terminal.signal);
    terminal.stdout.write(`
The dashboard is at ${server.url}

Sign in with this key:
  ${key}

A CA on this machine has issued ${issued} certificates; ${expiring.names[0]} expires in two days. It
refuses ${failed.join(', ') || 'nothing'}: find out why. Ctrl-C ends the demonstration; its files are in
${directory}.
`);
    await untilStopped(terminal, async () => await server.reload());
  } finally {
    await server.stop({ within: { seconds: 5 } });
  }
}

/** Opens the storage of the server for the CA, so that the server shows it, with its audit log. */
async function caStorage(directory: string): Promise<Storage> {
  const { auditedStorage } = await import('@acmex/observability/audit');
  const storage = await openDriver({ kind: 'file', path: join(directory, 'data') }, { directory });
  const origin = { program: 'acmex demo' };
  const audited = auditedStorage(storage, { origin, actionsIn: auditedActions });
  await createExternalAccount(audited, { description: 'Web team' });
  return audited;
}

async function writePrivate(path: string, text: string): Promise<void> {
  await using file = await waitingFile(path, 0o600);
  await file.commit(text);
}

function configurationOf({
  addr,
  directory,
  ca,
  root,
  key,
}: {
  readonly addr: string;
  readonly directory: string;
  readonly ca: { readonly directory: string; readonly httpPort: number };
  readonly root: string;
  readonly key: string;
}): string {
  const text = (value: string) => JSON.stringify(value);
  return `[storage]
url = ${text(`file:${join(directory, 'data')}`)}
[server]
listen_addr = ${text(addr)}
api_keys = [${text(key)}]
[audit]
enabled = true
[acme]
ca = "custom"
ca_custom_url = ${text(ca.directory)}
ca_certificate = ${text(root)}
tos_agreed = true
[challenge.http01]
listen_addr = "127.0.0.1:${ca.httpPort}"
[cli]
log_level = "error"
`;
}

/**
 * Orders everything, and waits until it is issued or has failed.
 * @returns how many certificates were issued, and the names of those that were not
 */
async function filled(
  api: AcmexApi,
  signal: AbortSignal,
): Promise<{ readonly issued: number; readonly failed: readonly string[] }> {
  const order = async (body: { readonly names: readonly string[] }) =>
    (await api.POST('/api/orders', { body: { ...body, names: [...body.names] } })).data;
  const orders = await Promise.all([...certificates, expiring, failing].map(order));
  for (const { id } of orders) await settled(api, id, signal);
  const [name] = expiring.names;
  await api.POST('/api/certificates/actions', { body: { action: 'pause', filter: { name } } });
  const all = (await api.GET('/api/certificates')).data.items;
  return {
    issued: all.filter(({ current }) => current !== undefined).length,
    failed: all.filter(({ current }) => current === undefined).flatMap(({ names }) => names),
  };
}

/** Waits until an order is issued, or has failed for the first time. */
async function settled(api: AcmexApi, id: string, signal: AbortSignal): Promise<void> {
  for await (const event of api.watchOrder(id, { signal }))
    if (event.type === 'state' && event.failure) return;
}
