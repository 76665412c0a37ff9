import { once } from 'node:events';
import { createServer } from 'node:net';
import { mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, removeFolder } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { servingCa } from './serving-ca.testing.ts';
import { acmex, type Outcome } from './terminal.testing.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-'));
});
afterEach(async () => {
  await removeFolder(folder);
});
const at = (file: string) => join(folder, file);
const listen = ['--metrics-listen', '127.0.0.1:0'];

/** Runs a command until the work with the URL of its metrics is done. */
async function whileRunning<T>(
  args: readonly string[],
  work: (url: string) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  let outcome: Promise<Outcome> | undefined;
  const url = await new Promise<string>((resolve, reject) => {
    let written = '';
    outcome = acmex(args, {
      signal: stop.signal,
      onStderr(text) {
        written += text;
        const [, served] = /serving metrics at (http:[^\s"]+)/.exec(written) ?? [];
        if (served !== undefined) resolve(served);
      },
    });
    outcome.then(({ stderr }) => reject(new Error(stderr)), reject);
  });
  try {
    return await work(url);
  } finally {
    stop.abort('SIGTERM');
    await outcome;
  }
}

const textAt = async (url: string) => await (await fetch(url)).text();
const valueOf = (text: string, series: string) =>
  Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.slice(series.length) ?? NaN,
  );

describe('metrics', () => {
  it('are served by acmex ca serve, acmex daemon and acmex renew for what each does', async () => {
    const port = await freePort();
    const caMetrics = await freePort();
    await writeFile(at('audited.toml'), '[audit]\nenabled = true\n');
    const caFlags = ['--config', at('audited.toml'), '--development', '--http-port', String(port)];
    await servingCa(
      [
        ...caFlags,
        ...['--root-certificate', at('root.pem'), '--metrics-listen', `127.0.0.1:${caMetrics}`],
      ],
      async (directory) => {
        const obtained = await acmex([
          ...['obtain', '-d', 'www.test', '--server', directory, '--accept-tos'],
          ...['--ca-certificate', at('root.pem'), '--http-port', String(port)],
          ...['--storage', at('data'), '--cert-path', at('c.pem'), '-k', at('k.pem')],
        ]);
        expect(obtained).toMatchObject({ code: 0 });
        const ca = await textAt(`http://127.0.0.1:${caMetrics}/metrics`);
        expect(valueOf(ca, 'acmex_authority_issuances_total{profile="serverAuth"}')).toBe(1);
        expect(valueOf(ca, 'acmex_authority_answers_total{status="201"}')).toBeGreaterThan(1);
        expect(valueOf(ca, 'acmex_audit_records')).toBeGreaterThanOrEqual(0);
        await renewedMetrics();
        await daemonMetrics();
        await failedMetrics(port);
      },
    );
  });

  it('count the updates of an agent that fail', async () => {
    await writeFile(at('key'), 'acmex_0123456789abcdef0123456789abcdef', { mode: 0o600 });
    const result = await whileRunning(
      [
        ...['agent', '--server', `http://127.0.0.1:${await freePort()}`, '--key-file', at('key')],
        ...['--directory', at('agent'), ...listen],
      ],
      async (url) => {
        let text = '';
        while (!/^acmex_agent_updates_total\{outcome="ERR_/m.test(text)) text = await textAt(url);
        return text;
      },
    );
    expect(valueOf(result, 'acmex_agent_last_update_timestamp_seconds')).toBe(0);
  });

  it('are not served by default, and end a start where their port is taken', async () => {
    const data = ['--storage', at('data')];
    await whileRunning(['daemon', ...data, ...listen], async (url) => {
      const place = new URL(url).host;
      const second = await acmex(['daemon', ...data, '--metrics-listen', place]);
      expect(second).toMatchObject({ code: 3 });
      expect(second.stderr).toContain(`cannot serve metrics on ${place}: another program uses it`);
      expect(second.stderr).toContain('ERR_OBSERVABILITY_LISTEN');
    });
    const stop = new AbortController();
    const silent = await acmex(['daemon', ...data], {
      signal: stop.signal,
      onStderr: (text) => {
        if (text.includes('renewing certificates')) stop.abort('SIGTERM');
      },
    });
    expect(silent.stderr).not.toContain('metrics');
  });
});

/** Runs acmex renew, and reads its file. */
async function renewedMetrics(): Promise<void> {
  const file = at('acmex.prom');
  const renewed = await acmex([
    ...['renew', '--all', '--force', '--storage', at('data'), '--metrics-file', file],
    ...['--config', at('audited.toml')],
  ]);
  expect(renewed).toMatchObject({ code: 0 });
  const text = await readFile(file, 'utf8');
  expect(valueOf(text, 'acmex_certificates{tenant="default",state="valid"}')).toBe(1);
  expect(valueOf(text, 'acmex_last_run_results{result="renewed"}')).toBe(1);
  expect(valueOf(text, 'acmex_last_run_results{result="failed"}')).toBe(0);
  expect(valueOf(text, 'acmex_last_run_timestamp_seconds')).toBeGreaterThan(1.7e9);
  expect(valueOf(text, 'acmex_renewals_total{outcome="succeeded"}')).toBe(1);
  expect(text).toMatch(
    /acmex_ca_requests_total\{issuer="[^"]+",operation="newOrder",problem="none"\} 1/,
  );
  expect(text).toMatch(
    /acmex_order_duration_seconds_count\{issuer="[^"]+",challenge="http-01",stage="issuance"\} 1/,
  );
  expect(text).toMatch(/^acmex_certificate_not_after_timestamp_seconds\{.*\} \d/m);
  expect(valueOf(text, 'acmex_audit_records')).toBeGreaterThan(1);
  expect(valueOf(text, 'acmex_notifications{tenant="default",state="waiting"}')).toBe(0);
  expect(text).not.toContain('www.test');
  expect((await stat(file)).mode & 0o777).toBe(0o644);
  expect((await readdir(folder)).filter((name) => name.includes('prom'))).toEqual(['acmex.prom']);
}

/** Runs acmex renew while another program has the port of http-01, and reads its file. */
async function failedMetrics(port: number): Promise<void> {
  const program = createServer().listen(port);
  await once(program, 'listening');
  const file = at('acmex.prom');
  const failed = await acmex([
    ...['renew', '--all', '--force', '--storage', at('data'), '--metrics-file', file],
  ]);
  program.close();
  expect(failed).toMatchObject({ code: 3 });
  const text = await readFile(file, 'utf8');
  expect(valueOf(text, 'acmex_last_run_results{result="failed"}')).toBe(1);
  expect(text).toMatch(/^acmex_order_failures_total\{.*code="ERR_CHALLENGE_PORT_IN_USE"\} 1$/m);
}

/** Reads the metrics of acmex daemon. */
async function daemonMetrics(): Promise<void> {
  const result = await whileRunning(
    ['daemon', '--storage', at('data'), '--config', at('audited.toml'), ...listen],
    async (url) => await textAt(url),
  );
  expect(valueOf(result, 'acmex_certs_managed{tenant="default"}')).toBe(1);
  expect(valueOf(result, 'acmex_oldest_due_seconds')).toBe(0);
  expect(valueOf(result, 'acmex_notification_oldest_waiting_seconds{tenant="default"}')).toBe(0);
  expect(valueOf(result, 'acmex_audit_last_checkpoint_timestamp_seconds')).toBeGreaterThan(1.7e9);
  expect(valueOf(result, 'acmex_queue_tasks{state="running"}')).toBe(0);
  expect(result).toMatch(/^acmex_storage_duration_seconds_count\{operation="get"\} [1-9]/m);
}
