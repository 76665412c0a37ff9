import { afterEach, describe, expect, it } from '@jest/globals';
import { openTracing } from './open-tracing.ts';
import { otlpReceiver } from './otlp-receiver.testing.ts';
import { readTracingSettings } from './settings.ts';

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' };
const off = { settings: undefined, warnings: [] };
const on = (more: object = {}, warnings: readonly string[] = []) => ({
  settings: { protocol: 'http/protobuf', timeoutMs: undefined, ...more },
  warnings,
});
const ignored = (variable: string, cure: string) => [`${variable} is ignored: use ${cure}`];

describe('the variables of OpenTelemetry', () => {
  it.each<[NodeJS.ProcessEnv, object]>([
    [{}, off],
    [endpoint, on()],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }, off],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces' }, on()],
    [{ OTEL_TRACES_EXPORTER: 'otlp' }, on()],
    [{ ...endpoint, OTEL_TRACES_EXPORTER: 'none' }, off],
    [{ ...endpoint, OTEL_TRACES_EXPORTER: 'None' }, off],
    [{ ...endpoint, OTEL_TRACES_EXPORTER: '' }, on()],
    [
      { ...endpoint, OTEL_TRACES_EXPORTER: 'zipkin' },
      on({}, ignored('OTEL_TRACES_EXPORTER="zipkin"', 'otlp or none')),
    ],
    [
      { OTEL_TRACES_EXPORTER: 'console' },
      { ...off, warnings: ignored('OTEL_TRACES_EXPORTER="console"', 'otlp or none') },
    ],
    [{ ...endpoint, OTEL_SDK_DISABLED: 'true' }, off],
    [{ ...endpoint, OTEL_SDK_DISABLED: 'TRUE' }, off],
    [{ ...endpoint, OTEL_SDK_DISABLED: 'false' }, on()],
    [
      { ...endpoint, OTEL_SDK_DISABLED: '1' },
      on({}, ignored('OTEL_SDK_DISABLED="1"', 'true or false')),
    ],
    [{ ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }, on({ protocol: 'http/json' })],
    [{ ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' }, on()],
    [
      {
        ...endpoint,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json',
      },
      on({ protocol: 'http/json' }),
    ],
    [
      { ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http' },
      on({}, ignored('OTEL_EXPORTER_OTLP_PROTOCOL="http"', 'http/protobuf or http/json')),
    ],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, off],
    [{ ...endpoint, OTEL_EXPORTER_OTLP_TIMEOUT: '300' }, on({ timeoutMs: 300 })],
    [
      { ...endpoint, OTEL_EXPORTER_OTLP_TIMEOUT: '-1' },
      on({}, ignored('OTEL_EXPORTER_OTLP_TIMEOUT="-1"', 'a number of milliseconds above 0')),
    ],
  ])('%j are obeyed', (env, read) => {
    expect(readTracingSettings(env)).toEqual(read);
  });

  it('are refused with grpc, by which nothing would arrive', () => {
    const env = { ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
    expect(() => readTracingSettings(env)).toThrow(
      expect.objectContaining({
        code: 'ERR_CLI_USAGE',
        message: expect.stringContaining('use http/protobuf'),
      }),
    );
  });
});

describe('a sampler', () => {
  const changed = new Set<string>();
  /** The packages of OpenTelemetry read the environment of the process. */
  const set = (variables: Readonly<Record<string, string>>) => {
    for (const [name, value] of Object.entries(variables)) {
      changed.add(name);
      process.env[name] = value;
    }
  };
  afterEach(() => {
    for (const name of changed) Reflect.deleteProperty(process.env, name);
    changed.clear();
  });
  const ids = { sampled: 'a'.repeat(32), unsampled: 'b'.repeat(32) };
  /** Records a trace of its own, one of a caller who samples it, and one of a caller who does not. */
  const recorded = async (variables: Readonly<Record<string, string>>) => {
    await using receiver = await otlpReceiver();
    set({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, ...variables });
    const warnings: string[] = [];
    const { settings } = readTracingSettings(process.env);
    if (!settings) throw new Error('traces are off');
    const onWarning = (text: string) => void warnings.push(text);
    {
      await using opened = openTracing({ settings, version: '1.2.3', onWarning });
      const request = async (traceparent?: string) =>
        await opened.tracing.traceRequest({ method: 'GET', route: '/', traceparent }, async () => ({
          status: 200,
        }));
      await request();
      await request(`00-${ids.sampled}-00f067aa0ba902b7-01`);
      await request(`00-${ids.unsampled}-00f067aa0ba902b7-00`);
    }
    const has = (id: string) => receiver.spans.some(({ traceId }) => traceId === id);
    const callers = Object.values(ids);
    return {
      root: receiver.spans.some(({ traceId }) => !callers.includes(traceId)),
      sampled: has(ids.sampled),
      unsampled: has(ids.unsampled),
      warnings,
      contentType: receiver.headers[0]?.['content-type'],
    };
  };
  const all = { root: true, sampled: true, unsampled: true };
  const none = { root: false, sampled: false, unsampled: false };
  const usual = { ...all, unsampled: false };
  const ofParent = { ...none, sampled: true };

  it.each([
    [undefined, undefined, usual, []],
    ['always_on', undefined, all, []],
    ['always_off', undefined, none, []],
    ['traceidratio', '1', all, []],
    ['traceidratio', '0', none, []],
    ['parentbased_always_on', undefined, usual, []],
    ['parentbased_always_off', undefined, ofParent, []],
    ['parentbased_traceidratio', '1', usual, []],
    ['parentbased_traceidratio', '0', ofParent, []],
    ['jaeger_remote', undefined, usual, [/OTEL_TRACES_SAMPLER value "jaeger_remote" invalid/]],
    ['traceidratio', '2', all, [/OTEL_TRACES_SAMPLER_ARG=2 .*out of range/]],
    ['traceidratio', 'x', all, [/'x' for .*OTEL_TRACES_SAMPLER_ARG/, /ARG/]],
  ] as const)('%s with the argument %s is obeyed', async (sampler, argument, traces, warnings) => {
    const outcome = await recorded({
      ...(sampler === undefined ? {} : { OTEL_TRACES_SAMPLER: sampler }),
      ...(argument === undefined ? {} : { OTEL_TRACES_SAMPLER_ARG: argument }),
    });
    expect(outcome).toMatchObject(traces);
    expect(outcome.warnings).toEqual(warnings.map((text) => expect.stringMatching(text)));
  });

  it.each([
    ['http/json', 'application/json'],
    ['http/protobuf', 'application/x-protobuf'],
  ])('has its spans sent by %s', async (protocol, contentType) => {
    const outcome = await recorded({ OTEL_EXPORTER_OTLP_PROTOCOL: protocol });
    expect(outcome).toEqual({ ...usual, warnings: [], contentType });
  });
});
