import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { Temporal } from 'temporal-polyfill';
import type * as z from 'zod';
import type { Caller } from '../access/caller.ts';
import type { IncomingRequest } from '../access/credentials.ts';
import type { Scope } from '../access/scopes.ts';

/** What a route answers, for its description. */
export interface AnswerDescription {
  readonly description: string;
  /** The schema of a JSON body; absent where there is no body, or none in JSON. */
  readonly schema?: z.ZodType | undefined;
  /** `application/json` by default. */
  readonly contentType?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/**
 * A route: who may use it, what it takes, and what it answers. From this it is guarded, checked and
 * documented; there is no route without one.
 */
export interface EndpointDescription<
  P extends z.ZodType = z.ZodType,
  Q extends z.ZodType = z.ZodType,
  B extends z.ZodType = z.ZodType,
> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/api/widgets/:id` */
  readonly path: string;
  /**
   * The scope that a key must have. `any`: any key. `none`: no key is needed. `sender`: a
   * signature, see `WebhookSenders`.
   */
  readonly scope: Scope | 'any' | 'none' | 'sender';
  /** Whether a route that needs no key answers more to a caller with a valid one. */
  readonly identifies?: true;
  readonly summary: string;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly answers: Readonly<Record<number, AnswerDescription>>;
  /** Whether the answer holds a secret, which is not kept for a repetition. */
  readonly secret?: true;
  /**
   * Whether what it does is for the session of the request, and not for its key: an
   * `Idempotency-Key`, which is of a key, has no effect.
   */
  readonly ofSession?: true;
  /**
   * How long a request may last: `answer` where the answer may wait for something, `stream` where
   * it is a stream. Such a request ends within seconds of the end of its credential.
   */
  readonly waits?: 'answer' | 'stream';
  /**
   * Whether every request gets the same JSON, which needs no key: the handler is called once, when
   * the server starts, with nothing of a request.
   */
  readonly isConstant?: true;
  /** Whether a calendar token in the query is taken in place of a key. */
  readonly takesCalendarToken?: true;
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
  /** How the request has come. */
  readonly request: IncomingRequest;
  /**
   * When the first request with the same idempotency key came, if it has not succeeded: what was done
   * since then was done for it. Undefined for the first.
   */
  readonly since?: Temporal.Instant | undefined;
  /**
   * Aborts when the request is over, when the server stops, and within seconds when the credential
   * of the caller has ended. A handler that waits must end its wait then.
   */
  readonly signal: AbortSignal;
  /**
   * Checks that the credential of the caller is still valid. A handler calls it after each wait,
   * before it reads what it answers.
   * @throws ServerError `ERR_SERVER_UNAUTHENTICATED`
   */
  readonly reauthenticate: () => Promise<void>;
}
type Read<T> = T extends z.ZodType ? z.output<T> : undefined;
export type RequestOf<E> =
  E extends EndpointDescription<infer P, infer Q, infer B>
    ? Received<Read<P>, Read<Q>, Read<B>>
    : never;

export interface Answer {
  readonly status: number;
  /**
   * JSON, or text or a stream with a `content-type`. A stream is cut when the credential of the
   * caller has ended.
   */
  readonly body?: object | string | Readable | undefined;
  /** A header with several values, such as `set-cookie`, is sent once for each. */
  readonly headers?: Readonly<Record<string, string | string[]>> | undefined;
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

/** What handles the requests of a route, once they are allowed and checked. */
export type Handler = (received: Received<never, never, never>) => Promise<Answer>;

/** A class whose methods handle routes. Nest makes the one instance of it. */
export type Controller = abstract new (...args: never[]) => object;

/** A route and the method that handles it. */
export interface Route {
  readonly endpoint: EndpointDescription;
  readonly controller: Controller;
  /** The method, to be called on an instance of the controller. */
  readonly handle: Handler;
}

const routesKey = Symbol('routes');

/** Makes a method of a controller the handler of a route. */
export function Handles<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(
  description: EndpointDescription<P, Q, B>,
) {
  return <H extends (request: Received<Read<P>, Read<Q>, Read<B>>) => Promise<Answer>>(
    controller: object,
    name: string,
    { value: handle }: TypedPropertyDescriptor<H>,
  ): void => {
    if (!handle) throw new TypeError(`${name} is not a method`);
    Reflect.defineMetadata(
      routesKey,
      [...describedRoutes(controller), { endpoint: description, handle }],
      controller,
    );
  };
}

function describedRoutes(prototype: object): readonly Omit<Route, 'controller'>[] {
  return (Reflect.getMetadata(routesKey, prototype) ?? []) as readonly Omit<Route, 'controller'>[];
}

/**
 * Returns the routes of controllers, in the order in which they are written.
 * @throws TypeError for a class without routes
 */
export function routesOf(controllers: readonly Controller[]): readonly Route[] {
  return controllers.flatMap((controller) => {
    const routes = describedRoutes(controller.prototype as object);
    if (routes.length === 0)
      throw new TypeError(`${controller.name} has no route: use @Handles(endpoint({ … }))`);
    return routes.map((route) => ({ ...route, controller }));
  });
}

/** Returns the descriptions of all routes of controllers. */
export function endpointsOf(controllers: readonly Controller[]): readonly EndpointDescription[] {
  return routesOf(controllers).map((route) => route.endpoint);
}
