// `npm run record`: lets a server renew a certificate and then fail, and writes what can be seen of
// it to docs/pictures: a panel of the dashboard as Prometheus answers it, the alert, the e-mail and
// the trace.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chart, textPicture, traceChart } from './drawing.mjs';
import { loadServices } from './load-services.mjs';
import { root, setup } from './setup.mjs';

setup();
const { eventually, freePort, startMailServer, startPrometheus } = await loadServices();
const program = join(root, 'apps/cli/bin/acmex.mjs');
const pictures = join(root, 'docs/pictures');
const folder = mkdtempSync(join(tmpdir(), 'acmex-record-'));
const children = [];
/** Milliseconds in which Prometheus sees that nothing changes. */
const pause = 6000;
const columns = 92;
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';

try {
  const seen = await observed();
  mkdirSync(pictures, { recursive: true });
  for (const [name, picture] of Object.entries(seen))
    writeFileSync(join(pictures, `${name}.svg`), picture);
  console.log(`docs/pictures: ${Object.keys(seen).join(', ')} are written`);
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
process.exit();

/** Returns the pictures of a certificate that is renewed, and whose next renewal fails. */
async function observed() {
  const ports = {};
  for (const name of ['ca', 'api', 'metrics', 'http']) ports[name] = await freePort();
  const spans = [];
  const [otlp, mailServer] = [await traceReceiver(spans), await startMailServer()];
  const ca = await startCa(ports);
  const prometheus = await startPrometheus({
    targets: [`127.0.0.1:${ports.metrics}`],
    rules: [join(root, 'packages/observability/prometheus/acmex.rules.yml')],
  });
  const { call, first } = await startServer(ports, { otlp, mail: mailServer.port });
  const { id } = await first();
  await sleep(pause);
  const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
  await call('POST', `/api/certificates/${id}/renew`, { traceparent });
  await eventually(async () => (await first()).current.generation === 2, 60);
  await sleep(pause);
  ca.child.kill('SIGTERM');
  await call('POST', `/api/certificates/${id}/renew`);
  await eventually(() => mailServer.mails.length > 0, 60);
  let alert;
  await eventually(async () => {
    const { alerts } = await prometheus.api('alerts');
    alert = alerts.find(
      ({ labels, state }) => labels.alertname === 'AcmexRenewalFailed' && state === 'firing',
    );
    return alert !== undefined;
  }, 60);
  await sleep(pause);
  const renewal = spans.filter((span) => span.traceId === traceId);
  const seen = {
    panel: await panel(prometheus),
    alert: textPicture({ columns, title: 'An alert' }, alertLines(alert)),
    mail: textPicture({ columns, title: 'An e-mail' }, mailLines(mailServer.mails[0])),
    trace: traceChart({ title: 'Trace of a renewal' }, tree(renewal)),
  };
  await prometheus[Symbol.asyncDispose]();
  return seen;
}

async function startCa(ports) {
  const ca = acmex([
    ...['ca', 'serve', '--development', '--listen', `127.0.0.1:${ports.ca}`],
    ...['--http-port', String(ports.http), '--root-certificate', join(folder, 'root.pem')],
  ]);
  await eventually(
    () => ca.output.includes('directory'),
    30,
    () => ca.output,
  );
  return ca;
}

/** Starts a server, and waits until it has a certificate. */
async function startServer(ports, { otlp, mail }) {
  const config = join(folder, 'server.toml');
  writeFileSync(config, configuration(ports, mail), { mode: 0o600 });
  const server = acmex(['serve', '--config', config], {
    OTEL_EXPORTER_OTLP_ENDPOINT: otlp,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_BSP_SCHEDULE_DELAY: '500',
  });
  const isReady = () => /first API key is in/.test(server.output);
  await eventually(isReady, 60, () => server.output);
  const [, keyFile] = /first API key is in (\S+?)[\s"]/.exec(server.output);
  const key = readFileSync(keyFile, 'utf8').trim();
  const call = async (method, path, headers = {}) => {
    const url = `http://127.0.0.1:${ports.api}${path}`;
    const answer = await fetch(url, { method, headers: { 'x-api-key': key, ...headers } });
    return await answer.json();
  };
  const first = async () => (await call('GET', '/api/certificates')).items[0];
  await eventually(
    async () => (await first())?.current !== undefined,
    60,
    () => server.output,
  );
  return { call, first };
}

function configuration(ports, mailPort) {
  return `
[storage]
url = "file:${join(folder, 'data')}"
[server]
listen_addr = "127.0.0.1:${ports.api}"
[metrics]
enabled = true
listen_addr = "127.0.0.1:${ports.metrics}"
[audit]
enabled = true
[acme]
ca = "custom"
ca_custom_url = "https://127.0.0.1:${ports.ca}/acme/directory"
ca_certificate = "${join(folder, 'root.pem')}"
tos_agreed = true
[challenge.http01]
listen_addr = "127.0.0.1:${ports.http}"
[notifications]
allow = ["127.0.0.0/8"]
[[notifications.email]]
name = "ops"
smtp_host = "127.0.0.1"
smtp_port = ${mailPort}
tls = "none"
from = "acmex@example.com"
to = ["ops@example.com"]
events = ["renewal_failed"]
[[certificates]]
names = ["www.test"]
`;
}

/** Starts the program in the folder. */
function acmex(args, env = {}) {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, LANG: 'C.UTF-8', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const running = { child, output: '' };
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk) => {
      running.output += chunk;
    });
  return running;
}

/** Receives traces by OTLP with JSON. Returns its URL. */
async function traceReceiver(spans) {
  const server = createServer(async (request, response) => {
    const { resourceSpans = [] } = await json(request);
    for (const { scopeSpans } of resourceSpans)
      for (const scope of scopeSpans) spans.push(...scope.spans);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${server.address().port}`;
}

/** Returns the picture of a panel of the dashboard. */
async function panel(prometheus) {
  const dashboard = JSON.parse(
    readFileSync(join(root, 'packages/observability/grafana/acmex.json'), 'utf8'),
  );
  const { title, targets } = dashboard.panels.find((each) => each.title === 'Orders that ended');
  const [{ expr, legendFormat }] = targets;
  const query = expr.replaceAll('$job', '.*').replaceAll('$__rate_interval', '5s');
  const now = Date.now() / 1000;
  const range = `start=${now - 40}&end=${now}&step=1`;
  const { result } = await prometheus.api(
    `query_range?query=${encodeURIComponent(query)}&${range}`,
  );
  const series = result.map(({ metric, values }) => ({
    name: legendFormat.replaceAll(/\{\{(\w+)\}\}/g, (_, label) => metric[label] ?? ''),
    values: values.map(([at, value]) => [at, Number(value)]),
  }));
  return chart({ title }, series);
}

function alertLines({ labels, annotations, state, activeAt }) {
  return [
    `${labels.alertname}  ${state} since ${activeAt.slice(0, 19)}Z`,
    ...Object.entries(labels).map(([name, value]) => `  ${name} = ${value}`),
    ...Object.entries(annotations).map(([name, value]) => `  ${name}: ${value}`),
  ].flatMap(wrapped);
}

/** Returns what a person reads of an e-mail: some headers and the text. */
function mailLines({ source: quotedPrintable }) {
  const source = quotedPrintable.replaceAll('=\r\n', '').replaceAll('=3D', '=');
  const [head] = source.split('\r\n\r\n', 1);
  const headers = head.split('\r\n').filter((line) => /^(From|To|Subject|Date):/i.test(line));
  const [, plain] = /text\/plain[^]*?\r\n\r\n([^]*?)\r\n--/i.exec(source);
  return [...headers, '', ...plain.trim().split(/\r?\n/)].flatMap(wrapped);
}

function wrapped(line) {
  if (line.length <= columns) return [line];
  const end = line.lastIndexOf(' ', columns - 2);
  const cut = end > 20 ? end : columns - 2;
  return [line.slice(0, cut), ...wrapped(`    ${line.slice(cut).trimStart()}`)];
}

/** Returns the spans of a trace in the order of a tree. */
function tree(spans) {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const below = (parent, depth) =>
    spans
      .filter(({ parentSpanId }) =>
        parent === undefined ? !ids.has(parentSpanId) : parentSpanId === parent,
      )
      .sort((a, b) => Number(BigInt(a.startTimeUnixNano) - BigInt(b.startTimeUnixNano)))
      .flatMap(({ spanId, name, startTimeUnixNano, endTimeUnixNano, status }) => [
        {
          ...{ name, depth, isFailed: status?.code === 2 },
          start: Number(BigInt(startTimeUnixNano)) / 1e6,
          end: Number(BigInt(endTimeUnixNano)) / 1e6,
        },
        ...below(spanId, depth + 1),
      ]);
  return below(undefined, 0);
}
