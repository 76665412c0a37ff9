import { type Clock, systemClock } from '@acmex/clock';
import {
  continuedTrace,
  type Deployer,
  type Issuer,
  type ManagedCertificate,
  parseTraceparent,
} from '@acmex/orchestrator';
import type { AcmeExchange } from '@acmex/protocol';
import type { Storage } from '@acmex/storage';
import {
  type Context,
  context,
  isSpanContextValid,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import { codeLabel } from '../order-metrics.ts';
import type { SpanAttributes, SpanName } from './span-table.ts';

/** A task of a certificate manager. */
export interface TracedTask {
  readonly certificate: string;
  /** The trace that it continues; a new one by default. */
  readonly traceparent?: string | undefined;
}

/** A request to the REST API. */
export interface TracedRequest {
  readonly method: string;
  /** `/api/orders/:id` */
  readonly route: string;
  /** The header of the request. One that is not well-formed counts as none. */
  readonly traceparent: unknown;
}

/** What a certificate manager is created with. */
export interface ManagerTracing {
  currentTrace(): string | undefined;
  watchTask<T>(task: TracedTask, work: () => Promise<T>): Promise<T>;
  watchIssuer<I extends Issuer>(issuer: I): I;
  watchDeployer(deployer: Deployer): Deployer;
  watchDnsProvider<P extends { readonly name: string }>(provider: P): P;
  onExchange(exchange: AcmeExchange, issuer: string): void;
}

/** What an agent is opened with. */
export interface AgentTracing {
  watchDeployment<T>(deployment: TracedTask, work: () => Promise<T>): Promise<T>;
  currentTrace(): string | undefined;
}

/** What metrics and traces both watch. */
export type WatchedManager = Pick<ManagerTracing, 'watchIssuer' | 'onExchange'>;

/** Records what is done as spans: see `spanTable`. */
export interface Tracing {
  readonly managerOptions: ManagerTracing;
  readonly agentOptions: AgentTracing;
  /** Adds the traces to what already watches a certificate manager. */
  watching<W extends Partial<WatchedManager>>(watch: W): ManagerTracing & W;
  /** Does the work of a command inside a span. */
  traceCommand<T>(command: string, work: () => Promise<T>): Promise<T>;
  /** Returns a storage whose writes are spans, where they are part of other work. */
  watchStorage(storage: Storage): Storage;
  /** Handles a request inside a span. */
  traceRequest<T extends { readonly status: number }>(
    request: TracedRequest,
    work: () => Promise<T>,
  ): Promise<T>;
  /** Returns a validator of a CA whose validations are spans. */
  watchValidator<V extends Validator>(validate: V): V;
}

/** A validator of challenges, as `acmeServer` of `@acmex/ca` takes one. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a function of any parameters
type Validator = (...parameters: any[]) => Promise<unknown>;

interface SpanOptions<N extends SpanName> {
  readonly attributes: SpanAttributes<N>;
  /** The trace that the span continues, where it is not the one that is recorded at present. */
  readonly traceparent?: string | undefined;
  readonly kind?: SpanKind | undefined;
}

/** Returns the context of a span that continues a trace. */
function contextOf(traceparent: unknown): Context {
  const active = context.active();
  const parent = parseTraceparent(traceparent);
  if (!parent || trace.getSpanContext(active)?.traceId === parent.traceId) return active;
  const { traceId, spanId, flags } = parent;
  return trace.setSpanContext(active, { traceId, spanId, traceFlags: flags & 1, isRemote: true });
}

/** Returns the `traceparent` of the span that is recorded at present. */
function currentTrace(): string | undefined {
  const current = trace.getSpanContext(context.active());
  if (!current || !isSpanContextValid(current)) return undefined;
  const { traceId, spanId, traceFlags } = current;
  return continuedTrace(`00-${traceId}-${spanId}-${(traceFlags & 1).toString().padStart(2, '0')}`);
}

/** Records spans, and ends each with its work. */
class Recorder {
  readonly #tracer: Tracer;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  async span<N extends SpanName, T>(
    name: N,
    { attributes, traceparent, kind }: SpanOptions<N>,
    work: (span: Span) => Promise<T>,
  ): Promise<T> {
    const parent = contextOf(traceparent);
    const span = this.#tracer.startSpan(name, { attributes: { ...attributes }, kind }, parent);
    try {
      return await context.with(trace.setSpan(parent, span), async () => await work(span));
    } catch (error) {
      fail(span, codeLabel(error));
      throw error;
    } finally {
      span.end();
    }
  }

  /** Records a request that has ended now. */
  exchange(
    { operation, status, problem, milliseconds }: AcmeExchange,
    issuer: string,
    clock: Clock,
  ): void {
    const end = clock.now().epochMilliseconds;
    const attributes: SpanAttributes<'acme request'> = {
      'acmex.issuer': issuer,
      'acme.operation': operation,
      ...(status === undefined ? {} : { 'http.response.status_code': status }),
      ...(problem === undefined ? {} : { 'acme.problem': problem }),
    };
    const options = { attributes, kind: SpanKind.CLIENT, startTime: end - milliseconds };
    const span = this.#tracer.startSpan('acme request', options);
    if (problem !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(end);
  }
}

function fail(span: Span, code: string): void {
  span.setAttribute('error.type', code);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/**
 * Records what is done as spans of `@opentelemetry/api`. The program registers a provider and a
 * context manager; without them nothing is recorded.
 */
export function tracing({
  tracer = trace.getTracer('@acmex/observability'),
  clock = systemClock,
}: {
  readonly tracer?: Tracer | undefined;
  readonly clock?: Clock | undefined;
} = {}): Tracing {
  const recorder = new Recorder(tracer);
  const managerOptions = managerTracing(recorder, clock);
  return {
    managerOptions,
    agentOptions: {
      currentTrace,
      watchDeployment: async ({ certificate, traceparent }, work) =>
        await recorder.span(
          'deploy',
          { attributes: { 'acmex.certificate': certificate }, traceparent },
          work,
        ),
    },
    watching: (watch) => ({
      ...watch,
      ...managerOptions,
      watchIssuer: (issuer) => managerOptions.watchIssuer(watch.watchIssuer?.(issuer) ?? issuer),
      onExchange(exchange, issuer) {
        watch.onExchange?.(exchange, issuer);
        managerOptions.onExchange(exchange, issuer);
      },
    }),
    traceCommand: async (command, work) =>
      await recorder.span('command', { attributes: { 'acmex.command': command } }, work),
    watchStorage: (storage) => tracedStorage(storage, recorder),
    traceRequest: async ({ method, route, traceparent }, work) => {
      const attributes = { 'http.request.method': method, 'http.route': route };
      const header = typeof traceparent === 'string' ? traceparent : undefined;
      const options = { attributes, traceparent: header, kind: SpanKind.SERVER };
      return await recorder.span('request', options, async (span) => {
        const answer = await work();
        span.setAttribute('http.response.status_code', answer.status);
        return answer;
      });
    },
    watchValidator: (validate) => tracedValidator(validate, recorder),
  };
}

function managerTracing(recorder: Recorder, clock: Clock): ManagerTracing {
  return {
    currentTrace,
    watchTask: async ({ certificate, traceparent }, work) =>
      await recorder.span(
        'task',
        { attributes: { 'acmex.certificate': certificate }, traceparent },
        work,
      ),
    watchIssuer: (issuer) => ({
      ...issuer,
      issue: async (request, options) => {
        const attributes = { 'acmex.issuer': issuer.name };
        const { traceparent } = options;
        return await recorder.span('issue', { attributes, traceparent }, async (span) => {
          const onStep: typeof options.onStep = (step) => {
            span.addEvent(step.type);
            options.onStep?.(step);
          };
          return await issuer.issue(request, { ...options, onStep });
        });
      },
    }),
    watchDeployer: (deployer) => tracedDeployer(deployer, recorder),
    watchDnsProvider: (provider) => tracedDnsProvider(provider, recorder),
    onExchange: (exchange, issuer) => recorder.exchange(exchange, issuer, clock),
  };
}

function tracedDeployer(deployer: Deployer, recorder: Recorder): Deployer {
  const optionsOf = ({ id, current }: ManagedCertificate) => ({
    attributes: { 'acmex.certificate': id },
    traceparent: current?.traceparent,
  });
  return {
    ...deployer,
    deploy: async (certificate, generation, options) =>
      await recorder.span(
        'deploy',
        optionsOf(certificate),
        async () => await deployer.deploy(certificate, generation, options),
      ),
    confirm: async (certificate, generation, options) =>
      await recorder.span('confirm', optionsOf(certificate), async () => {
        await deployer.confirm?.(certificate, generation, options);
      }),
  };
}

/** Returns a provider each of whose methods is a span. */
function tracedDnsProvider<P extends { readonly name: string }>(
  provider: P,
  recorder: Recorder,
): P {
  return new Proxy(provider, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function' || typeof key !== 'string') return value;
      const attributes = { 'acmex.dns.provider': target.name, 'acmex.dns.operation': key };
      return async (...parameters: readonly unknown[]) =>
        await recorder.span(
          'dns',
          { attributes, kind: SpanKind.CLIENT },
          async () => (await Reflect.apply(value, target, parameters)) as unknown,
        );
    },
  });
}

function tracedStorage(storage: Storage, recorder: Recorder): Storage {
  return {
    get: (key, options) => storage.get(key, options),
    list: (prefix, options) => storage.list(prefix, options),
    snapshot: (options) => storage.snapshot(options),
    write: async (changes, options) => {
      if (currentTrace() === undefined) return await storage.write(changes, options);
      const attributes = { 'acmex.changes': changes.length };
      return await recorder.span(
        'storage write',
        { attributes, kind: SpanKind.CLIENT },
        async () => await storage.write(changes, options),
      );
    },
    [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
  };
}

/** What a validator is called with, and returns, as far as a span has it. */
interface TracedValidation {
  readonly type?: unknown;
  readonly valid?: unknown;
}

function tracedValidator<V extends Validator>(validate: V, recorder: Recorder): V {
  const traced: Validator = async (request: TracedValidation, ...more: readonly unknown[]) =>
    await recorder.span(
      'validate',
      { attributes: { 'acme.challenge': String(request.type) } },
      async (span) => {
        const result = await validate(request, ...more);
        const { valid, type } = result as TracedValidation;
        if (valid !== true) {
          span.setAttribute('acme.problem', String(type));
          span.setStatus({ code: SpanStatusCode.ERROR });
        }
        return result;
      },
    );
  return Object.assign(traced, validate) as V;
}
