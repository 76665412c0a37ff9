import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import {
  createParamDecorator,
  type ExecutionContext,
  RequestMapping,
  RequestMethod,
} from '@nestjs/common';
import type { z } from 'zod';
import type { Caller } from '../access/caller.ts';
import type { Scope } from '../access/scopes.ts';

/** What a route answers, for its description. */
export interface AnswerDescription {
  readonly description: string;
  /** Of a JSON body; absent where there is none, or it is no JSON. */
  readonly schema?: z.ZodType | undefined;
  /** `application/json` by default. */
  readonly contentType?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/**
 * A route: who may use it, what it takes, and what it answers. From this it is guarded, checked and documented; there is no route
 * without one.
 */
export interface EndpointDescription<
  P extends z.ZodType = z.ZodType,
  Q extends z.ZodType = z.ZodType,
  B extends z.ZodType = z.ZodType,
> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/api/widgets/:id` */
  readonly path: string;
  /** What a key must be allowed. `any`: any key. `nobody`: no key is asked for. `sender`: a signature, see `Webhooks`. */
  readonly scope: Scope | 'any' | 'nobody' | 'sender';
  readonly summary: string;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly answers: Readonly<Record<number, AnswerDescription>>;
  /** Whether the answer holds a secret, which is not kept for a repetition. */
  readonly secret?: true;
  /** Whether people look at it in a browser, which asks them for the key. */
  readonly browser?: true;
}

/** A request that is allowed and well-formed. */
export interface Received<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly caller: Caller;
  readonly headers: IncomingHttpHeaders;
  /** Aborts when nobody waits for the answer anymore, and when the server stops. */
  readonly signal: AbortSignal;
}
type Read<T> = T extends z.ZodType ? z.output<T> : undefined;
export type RequestOf<E> =
  E extends EndpointDescription<infer P, infer Q, infer B>
    ? Received<Read<P>, Read<Q>, Read<B>>
    : never;

export interface Answer {
  readonly status: number;
  /** JSON, or text or a stream with a `content-type`. */
  readonly body?: object | string | Readable | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export function answer(status: number, body?: Answer['body'], headers?: Answer['headers']): Answer {
  return { status, body, headers };
}

export function endpoint<
  P extends z.ZodType = z.ZodUndefined,
  Q extends z.ZodType = z.ZodUndefined,
  B extends z.ZodType = z.ZodUndefined,
>(description: EndpointDescription<P, Q, B>): EndpointDescription<P, Q, B> {
  return description;
}

/** One request on its way: checks it, has it handled, and writes the status and the headers of the answer. @returns the body */
export type OpenExchange = (
  handle: (received: Received<never, never, never>) => Promise<Answer>,
) => Promise<unknown>;

const key = Symbol('endpoint');
const ExchangeOfRequest = createParamDecorator(
  (_: unknown, context: ExecutionContext) =>
    context.switchToHttp().getRequest<{ exchange: OpenExchange }>().exchange,
);

/** Makes a method of a controller the handler of a route. */
export function Handles<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(
  description: EndpointDescription<P, Q, B>,
) {
  return <H extends (request: Received<Read<P>, Read<Q>, Read<B>>) => Promise<Answer>>(
    target: object,
    name: string,
    descriptor: TypedPropertyDescriptor<H>,
  ) => {
    const handle = descriptor.value;
    if (!handle) throw new TypeError(`${name} is no method`);
    // An interceptor of Nest would do the same by way of observables, at twice the cost of the whole request.
    const route = async function route(this: unknown, exchange: OpenExchange): Promise<unknown> {
      return await exchange(async (received) => await handle.call(this, received));
    };
    const routed: PropertyDescriptor = { ...descriptor, value: route };
    Reflect.defineMetadata(key, description, route);
    RequestMapping({ path: description.path, method: RequestMethod[description.method] })(
      target,
      name,
      routed,
    );
    ExchangeOfRequest()(target, name, 0);
    return routed as TypedPropertyDescriptor<H>;
  };
}

/** The description of a handler; undefined for one that has none. */
export function endpointOf(handler: object): EndpointDescription | undefined {
  return Reflect.getMetadata(key, handler) as EndpointDescription | undefined;
}

/** All routes of controllers. @throws TypeError for a handler without a description */
export function endpointsOf(
  controllers: readonly (abstract new (...args: never[]) => unknown)[],
): readonly EndpointDescription[] {
  return controllers.flatMap(({ name, prototype }) =>
    Object.getOwnPropertyNames(prototype).flatMap((own) => {
      const handler: unknown = (prototype as Record<string, unknown>)[own];
      if (
        typeof handler !== 'function' ||
        own === 'constructor' ||
        !Reflect.hasMetadata('path', handler)
      )
        return [];
      const found = endpointOf(handler);
      if (!found)
        throw new TypeError(
          `${name}.${own} is a route without a description: use @Handles(endpoint({ … }))`,
        );
      return [found];
    }),
  );
}
