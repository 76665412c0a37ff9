import { systemClock } from '@acmex/clock';
import { type Tracing, tracing } from '@acmex/observability/tracing';
import { context, diag, DiagLogLevel, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base';
import type { TracingSettings } from './settings.ts';

/** What is sent is given up after this time, at the end of the program too. Milliseconds. */
const longestExportMs = 3000;

export interface OpenTracingOptions {
  readonly settings: TracingSettings;
  readonly version: string;
  /** Called with each variable whose value is ignored, and once when spans cannot be sent. */
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
export function openTracing({ settings, version, onWarning }: OpenTracingOptions): OpenTracing {
  const service = { 'service.name': 'acmex', 'service.version': version };
  const described = detectResources({ detectors: [envDetector] });
  // The packages report here what they do not understand.
  const logger = { error: onWarning, warn: onWarning, info: noop, debug: noop, verbose: noop };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes(service).merge(described),
    spanProcessors: [new BatchSpanProcessor(warningOnce(exporterOf(settings), onWarning))],
  });
  // What they report later repeats what the exporter reports.
  diag.disable();
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

function noop(): void {
  /* only warnings are reported */
}

function exporterOf({ protocol, timeoutMs = longestExportMs }: TracingSettings): SpanExporter {
  const timeoutMillis = Math.min(timeoutMs, longestExportMs);
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
