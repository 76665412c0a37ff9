import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hostileProblems, type Fault } from '@acmex/ca/faults';
import {
  describeWith,
  eventually,
  freePort,
  removeFolder,
  standardWebhook,
  startMailServer,
  startPrometheus,
  startWebhookReceiver,
} from '@acmex/services';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { ownCa } from './own-ca.testing.ts';
import { servingProgram } from './server/serving-program.testing.ts';

const rules = fileURLToPath(
  new URL('../../../packages/observability/prometheus/acmex.rules.yml', import.meta.url),
);
const secret = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD4v7uMQhrKqg=';
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const detail = 'this name is refused from now on';

let folder: string;
let server: ChildProcess | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-broken-'));
});
afterEach(async () => {
  if (server?.exitCode === null) {
    server.kill('SIGTERM');
    await once(server, 'exit');
  }
  await removeFolder(folder);
});
const at = (name: string) => join(folder, name);

/** Starts acmex serve. @returns the first key of its REST API */
async function serve(): Promise<string> {
  const env = { PATH: process.env.PATH, HOME: folder };
  const args = [await servingProgram(), 'serve', '--config', at('acmex.toml')];
  const child = spawn(process.execPath, args, { cwd: folder, env });
  server = child;
  let log = '';
  child.stdout.resume();
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  await eventually(
    () => /listening on/.test(log) && /serving metrics/.test(log),
    60,
    () => log,
  );
  const [, file = ''] = /first API key is in (\S+?)[\s"]/.exec(log) ?? [];
  return (await readFile(file, 'utf8')).trim();
}

interface Place {
  readonly directory: string;
  readonly ports: Readonly<Record<'api' | 'metrics' | 'http' | 'mail', number>>;
  readonly webhook: string;
}

const configuration = ({ directory, ports, webhook }: Place) => `
[storage]
url = "file:${at('data')}"
[server]
listen_addr = "127.0.0.1:${ports.api}"
[metrics]
enabled = true
listen_addr = "127.0.0.1:${ports.metrics}"
[audit]
enabled = true
[acme]
ca = "custom"
ca_custom_url = "${directory}"
ca_certificate = "${at('root.pem')}"
tos_agreed = true
[challenge.http01]
listen_addr = "127.0.0.1:${ports.http}"
[notifications]
allow = ["127.0.0.0/8"]
[[notifications.webhooks]]
name = "alerts"
url = "${webhook}"
allow_http = true
secret = "${secret}"
events = ["renewal_failed"]
[[notifications.email]]
name = "ops"
smtp_host = "127.0.0.1"
smtp_port = ${ports.mail}
tls = "none"
from = "acmex@example.com"
to = ["ops@example.com"]
events = ["renewal_failed"]
[[certificates]]
names = ["www.test"]
`;

interface Exemplars {
  readonly seriesLabels: Readonly<Record<string, string>>;
  readonly exemplars: readonly { readonly labels: Readonly<Record<string, string>> }[];
}

interface RuleGroups {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly name: string;
      readonly state: string;
      readonly query: string;
    }[];
  }[];
}

/** Returns the trace ids that Prometheus shows for an alert that fires; undefined before. */
async function tracesOfAlert(
  prometheus: { api(path: string): Promise<unknown> },
  name: string,
): Promise<readonly (string | undefined)[] | undefined> {
  const { groups } = (await prometheus.api('rules?type=alert')) as RuleGroups;
  const alert = groups.flatMap((group) => group.rules).find((rule) => rule.name === name);
  if (alert?.state !== 'firing') return undefined;
  const span = 'start=2020-01-01T00:00:00Z&end=2200-01-01T00:00:00Z';
  const path = `query_exemplars?query=${encodeURIComponent(alert.query)}&${span}`;
  const series = (await prometheus.api(path)) as readonly Exemplars[];
  return series.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels.trace_id));
}

describeWith(['prometheus'], 'a renewal that the CA refuses', () => {
  it('raises an alert in Prometheus, a signed webhook, an e-mail and an audit record, all with the trace of the request', async () => {
    const refusal = hostileProblems({ on: ['newOrder'], text: detail });
    let isBroken = false;
    const fault: Fault = async (exchange, next) =>
      isBroken ? await refusal(exchange, next) : await next();
    await using ca = await ownCa({ arrange: (chain) => chain, faults: [fault] });
    await using webhook = await startWebhookReceiver();
    await using mail = await startMailServer();
    const ports = {
      ...{ api: await freePort(), metrics: await freePort(), http: await freePort() },
      mail: mail.port,
    };
    await writeFile(at('root.pem'), ca.root);
    const toml = configuration({ directory: ca.directory, ports, webhook: webhook.url });
    await writeFile(at('acmex.toml'), toml, { mode: 0o600 });
    const starting = startPrometheus({ targets: [`127.0.0.1:${ports.metrics}`], rules: [rules] });
    await using prometheus = await starting;
    const key = await serve();
    const call = async (method: string, path: string, headers = {}) => {
      const url = `http://127.0.0.1:${ports.api}${path}`;
      const answer = await fetch(url, { method, headers: { 'x-api-key': key, ...headers } });
      return (await answer.json()) as { readonly items: readonly Record<string, unknown>[] };
    };
    let id = '';
    await eventually(async () => {
      const { items } = await call('GET', '/api/certificates');
      id = String(items[0]?.id);
      return items[0]?.current !== undefined;
    });
    const query = 'query?query=acmex_renewals_total{outcome="failed"}';
    await eventually(async () => {
      const { result } = (await prometheus.api(query)) as { readonly result: readonly unknown[] };
      return result.length > 0;
    });
    isBroken = true;
    const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
    await call('POST', `/api/certificates/${id}/renew`, { traceparent });

    let alerted: readonly (string | undefined)[] | undefined;
    await eventually(
      async () => {
        alerted = await tracesOfAlert(prometheus, 'AcmexRenewalFailed');
        return alerted !== undefined && webhook.received.length > 0 && mail.mails.length > 0;
      },
      60,
      () => prometheus.log(),
    );
    expect(alerted).toEqual([traceId]);
    const { body = '', headers = {} } = webhook.received[0] ?? {};
    expect(standardWebhook(secret).verify(body, headers)).toMatchObject({
      type: 'renewal_failed',
      data: { certificate: id, traceId, message: expect.stringContaining(detail) },
    });
    // Without the line breaks of quoted-printable.
    const text = mail.mails[0]?.source.replaceAll('=\r\n', '');
    expect(text).toContain('renewal failed: www.test');
    expect(text).toContain(`trace: ${traceId}`);
    const { items } = await call('GET', '/api/audit');
    const actions = items.flatMap((item) => item.actions as readonly Record<string, unknown>[]);
    expect(actions.filter(({ type }) => type === 'renewal_failed')).toEqual([
      expect.objectContaining({ certificate: id, traceId }),
    ]);
  });
});
