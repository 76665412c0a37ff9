// What metrics, the audit log and traces add to the processor time of a renewal.
import { managerMetrics, Metrics } from '@acmex/observability';
import { auditedStorage } from '@acmex/observability/audit';
import { tracing } from '@acmex/observability/tracing';
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { atPebble } from './renewals.mjs';

const blocks = 30;
const renewals = 20;

/** What watches in each variant. */
const variants = {
  nothing: () => ({}),
  metrics: () => managerMetrics(new Metrics()),
  'audit log': () => ({ watchStorage: audited }),
  traces: () => traced(),
  all: () => {
    const metrics = managerMetrics(new Metrics());
    const traces = traced();
    return {
      watchStorage: (storage) => traces.watchStorage(metrics.watchStorage(audited(storage))),
      watchIssuer: (issuer) => traces.watchIssuer(metrics.watchIssuer(issuer)),
      watchTask: traces.watchTask,
      settle: traces.settle,
      onExchange(...exchange) {
        metrics.onExchange(...exchange);
        traces.onExchange(...exchange);
      },
    };
  },
};

/** Renews in each variant by turns, so that what slows the machine down slows each of them down. */
export async function open(pebbleOptions) {
  const pebble = atPebble(pebbleOptions);
  const names = Object.keys(variants);
  const managed = {};
  for (const name of names) {
    const watch = variants[name]();
    managed[name] = { ...(await pebble.manage(renewals, watch)), settle: watch.settle };
  }
  const milliseconds = Object.fromEntries(names.map((name) => [name, 0]));
  return {
    async issue() {
      for (const name of names) await block(managed[name]);
      for (let turn = 0; turn < blocks; turn += 1)
        for (const name of turn % 2 === 0 ? names : names.toReversed())
          milliseconds[name] += await block(managed[name]);
    },
    figures: () => ({
      milliseconds: Object.fromEntries(
        names.map((name) => [name, milliseconds[name] / (blocks * renewals)]),
      ),
    }),
    close: pebble.close,
  };
}

/** Returns the processor time of some renewals at once, in milliseconds. */
async function block({ renew, settle }) {
  const before = process.cpuUsage();
  await Promise.all(Array.from({ length: renewals }, renew));
  await settle?.();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function audited(storage) {
  return auditedStorage(storage, {
    origin: { program: 'bench', host: 'localhost', user: 'bench' },
  });
}

/** Spans that are encoded as for a collector, and go nowhere. */
function traced() {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const exporter = {
    export(spans, done) {
      ProtobufTraceSerializer.serializeRequest(spans);
      done({ code: 0 });
    },
    shutdown: async () => undefined,
  };
  const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
  const { managerOptions, watchStorage } = tracing({ tracer: provider.getTracer('bench') });
  return { ...managerOptions, watchStorage, settle: () => provider.forceFlush() };
}
