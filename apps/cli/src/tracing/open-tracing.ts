import { systemClock } from '@acmex/clock';
import { type Tracing, tracing } from '@acmex/observability/tracing';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base';
import type { Terminal } from '../terminal.ts';

/** What is sent is given up after this time, at the end of the program too. Milliseconds. */
const longestExportMs = 3000;

export interface OpenTracingOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
  /** Called once when spans cannot be sent. */
  readonly onWarning: (text: string) => void;
}

/** The traces of a program. Their disposal sends what is left, for a few seconds at most. */
export interface OpenTracing extends AsyncDisposable {
  readonly tracing: Tracing;
}

/**
 * Starts to send traces by OTLP over HTTP, as the variables of OpenTelemetry describe it, which its
 * packages read from the environment of the process.
 */
export function openTracing({ env, version, onWarning }: OpenTracingOptions): OpenTracing {
  const service = { 'service.name': 'acmex', 'service.version': version };
  const described = detectResources({ detectors: [envDetector] });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes(service).merge(described),
    spanProcessors: [new BatchSpanProcessor(warningOnce(exporterOf(env), onWarning))],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
  return {
    tracing: tracing({ tracer: provider.getTracer('acmex', version) }),
    async [Symbol.asyncDispose]() {
      const ended = new AbortController();
      const limit = systemClock
        .sleep({ milliseconds: longestExportMs }, { signal: ended.signal })
        .catch(() => undefined);
      await Promise.race([provider.shutdown().catch(() => undefined), limit]);
      ended.abort();
      context.disable();
      trace.disable();
    },
  };
}

function exporterOf(env: NodeJS.ProcessEnv): SpanExporter {
  const set = Number(env.OTEL_EXPORTER_OTLP_TRACES_TIMEOUT ?? env.OTEL_EXPORTER_OTLP_TIMEOUT);
  const timeoutMillis = set > 0 ? Math.min(set, longestExportMs) : longestExportMs;
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? env.OTEL_EXPORTER_OTLP_PROTOCOL;
  return protocol === 'http/json'
    ? new JsonExporter({ timeoutMillis })
    : new ProtobufExporter({ timeoutMillis });
}

/** Returns an exporter that reports its first failure. */
function warningOnce(exporter: SpanExporter, onWarning: (text: string) => void): SpanExporter {
  let hasWarned = false;
  return {
    export(spans, onResult) {
      exporter.export(spans, (result) => {
        if (result.code !== 0 && !hasWarned) {
          hasWarned = true;
          onWarning(
            'traces cannot be sent, and are lost until they can: check OTEL_EXPORTER_OTLP_ENDPOINT and that it takes OTLP over HTTP',
          );
        }
        onResult(result);
      });
    },
    forceFlush: async () => await exporter.forceFlush?.(),
    shutdown: async () => await exporter.shutdown(),
  };
}

/** Writes a warning to standard error; as a line of a log if that is JSON, unless a person reads it. */
export function warnOfTraces(
  msg: string,
  { stderr }: Pick<Terminal, 'stderr'>,
  { isJson }: { readonly isJson: boolean },
): void {
  const time = systemClock.now().toString();
  const line = { level: 'warn', time, package: '@acmex/observability', msg };
  stderr.write(isJson && !stderr.isTTY ? `${JSON.stringify(line)}\n` : `warning: ${msg}\n`);
}
