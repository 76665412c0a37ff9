import { CliError } from '../errors.ts';

/** The protocols that traces are sent by. */
const protocols = ['http/protobuf', 'http/json'] as const;
export type TracingProtocol = (typeof protocols)[number];

/** What the variables of OpenTelemetry say. */
export interface TracingSettings {
  readonly protocol: TracingProtocol;
  /** How long sending may take; undefined for the default. */
  readonly timeoutMs: number | undefined;
}

export interface ReadTracingSettings {
  /** Undefined where nothing is recorded. */
  readonly settings: TracingSettings | undefined;
  /** Values that are ignored. */
  readonly warnings: readonly string[];
}

/**
 * Reads the variables of OpenTelemetry that its packages do not read: whether there are traces, and
 * how they are sent. An empty value counts as none, words may be in upper case, and a value that is
 * unknown is ignored with a warning.
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 * @throws CliError `ERR_CLI_USAGE` for `grpc`, by which nothing would arrive
 */
export function readTracingSettings(env: NodeJS.ProcessEnv): ReadTracingSettings {
  const warnings: string[] = [];
  const ignore = ({ name, value }: SetVariable, cure: string) =>
    void warnings.push(`${name}=${JSON.stringify(value)} is ignored: use ${cure}`);
  const word = (names: readonly string[], usable: readonly string[], refused = '') => {
    const set = firstSet(env, names);
    const value = set?.value.toLowerCase();
    if (!set || value === undefined || [...usable, refused].includes(value)) return value;
    ignore(set, usable.join(' or '));
    return undefined;
  };
  if (word(['OTEL_SDK_DISABLED'], ['true', 'false']) === 'true')
    return { settings: undefined, warnings: [] };
  const exporter = word(['OTEL_TRACES_EXPORTER'], ['otlp', 'none']);
  const endpoints = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'];
  const isOn =
    exporter === undefined ? firstSet(env, endpoints) !== undefined : exporter === 'otlp';
  if (!isOn) return { settings: undefined, warnings };
  const protocol = word(
    ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'],
    protocols,
    'grpc',
  );
  if (protocol === 'grpc')
    throw new CliError(
      'ERR_CLI_USAGE',
      'OTEL_EXPORTER_OTLP_PROTOCOL: traces are not sent by grpc: use http/protobuf, and the port of the receiver for OTLP over HTTP, which is usually 4318',
    );
  const timeout = firstSet(env, [
    'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT',
    'OTEL_EXPORTER_OTLP_TIMEOUT',
  ]);
  const timeoutMs = Number(timeout?.value);
  if (timeout && !(timeoutMs > 0)) ignore(timeout, 'a number of milliseconds above 0');
  return {
    settings: {
      protocol: protocols.find((candidate) => candidate === protocol) ?? 'http/protobuf',
      timeoutMs: timeoutMs > 0 ? timeoutMs : undefined,
    },
    warnings,
  };
}

interface SetVariable {
  readonly name: string;
  readonly value: string;
}

/** Returns the first variable that is set and not empty. */
function firstSet(env: NodeJS.ProcessEnv, names: readonly string[]): SetVariable | undefined {
  return names
    .map((name) => ({ name, value: env[name]?.trim() ?? '' }))
    .find(({ value }) => value !== '');
}
