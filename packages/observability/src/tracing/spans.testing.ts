import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Context,
  context,
  type ContextManager,
  ROOT_CONTEXT,
  type Span,
  type SpanOptions,
  trace,
  type Tracer,
} from '@opentelemetry/api';

/** A span that has ended. */
export interface EndedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** The id of the span that it is part of. */
  readonly parent: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly string[];
  readonly isFailed: boolean;
}

/** Keeps contexts over what is awaited, as a program does. @returns ends it */
export function keepContexts(): () => void {
  const contexts = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => contexts.getStore() ?? ROOT_CONTEXT,
    with: (entered, work, thisArg, ...parameters) =>
      contexts.run(entered, () => Reflect.apply(work, thisArg, parameters)),
    bind: (_, target) => target,
    enable: () => manager,
    disable: () => manager,
  };
  context.setGlobalContextManager(manager);
  return () => context.disable();
}

/** A tracer that keeps what it records. */
export function recordingTracer(): { readonly tracer: Tracer; readonly spans: EndedSpan[] } {
  const spans: EndedSpan[] = [];
  let count = 0;
  const startSpan = (
    name: string,
    { attributes: first = {} }: SpanOptions = {},
    parentContext = context.active(),
  ): Span => {
    count += 1;
    const parent = trace.getSpanContext(parentContext);
    const spanId = count.toString(16).padStart(16, '0');
    const traceId = parent?.traceId ?? count.toString(16).padStart(32, 'f');
    const attributes: Record<string, unknown> = { ...first };
    const events: string[] = [];
    let isFailed = false;
    const span = {
      spanContext: () => ({ traceId, spanId, traceFlags: 1 }),
      setAttribute: (key: string, value: unknown) => {
        attributes[key] = value;
        return span;
      },
      addEvent: (event: string) => {
        events.push(event);
        return span;
      },
      setStatus: () => {
        isFailed = true;
        return span;
      },
      end: () => {
        spans.push({ name, traceId, spanId, parent: parent?.spanId, attributes, events, isFailed });
      },
    } as unknown as Span;
    return span;
  };
  return { tracer: { startSpan } as unknown as Tracer, spans };
}
