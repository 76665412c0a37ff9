import type { IncomingHttpHeaders } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Caller } from '../access/caller.ts';
import { type FieldError, ServerError, type ServerErrorCode } from '../errors.ts';
import type { Answer, EndpointDescription, OpenExchange, Received } from './endpoint.ts';
import { SCHEDULING, type Scheduling } from '../scheduling.ts';
import { Idempotency } from './idempotency.ts';

/** A request on its way through the gatekeeper to its handler. */
export interface OpenRequest extends FastifyRequest {
  /** The body as it came. */
  readonly rawBody?: Buffer;
  caller?: Caller;
  exchange?: OpenExchange;
}

/** Ends when the server stops. */
export const STOPPING = Symbol('stopping');

/** Between a request and its handler: checks what came, does what was done before no second time, and writes the answer. */
@Injectable()
export class Exchange {
  readonly #idempotency: Idempotency;
  readonly #stopping: AbortSignal;
  readonly #scheduling: Scheduling;

  constructor(
    @Inject(Idempotency) idempotency: Idempotency,
    @Inject(STOPPING) stopping: AbortSignal,
    @Inject(SCHEDULING) scheduling: Scheduling,
  ) {
    this.#scheduling = scheduling;
    this.#idempotency = idempotency;
    this.#stopping = stopping;
  }

  open(description: EndpointDescription, request: OpenRequest, reply: FastifyReply): OpenExchange {
    return async (handle) => {
      // What the schemas have made of it is what the handler takes: its type is made of them.
      const received = this.#received(description, request, reply) as unknown as Received<
        never,
        never,
        never
      >;
      const { caller, headers, method, url, rawBody: body } = request;
      // What nobody could be told of is not begun.
      if (method !== 'GET' && this.#scheduling.team?.isHere() === false)
        throw new ServerError(
          'ERR_SERVER_UNAVAILABLE',
          'Redis cannot be reached: try again in a few seconds',
          { retryAfter: 5 },
        );
      const answer =
        method === 'GET' || !caller
          ? await handle(received)
          : await this.#idempotency.once(
              { caller, headers, method, url, body, secret: description.secret === true },
              async () => await handle(received),
            );
      return written(answer, reply);
    };
  }

  #received(
    { params, query, body }: EndpointDescription,
    request: OpenRequest,
    reply: FastifyReply,
  ): ReceivedRequest {
    return new ReceivedRequest(
      params && checked(params, request.params, 'ERR_SERVER_REQUEST', 'the path'),
      query
        ? checked(query, request.query, 'ERR_SERVER_REQUEST', 'the query')
        : nothing(request.query, 'ERR_SERVER_REQUEST', 'this route takes no query'),
      body
        ? checked(body, request.body ?? {}, 'ERR_SERVER_BODY', 'the body')
        : nothing(request.body, 'ERR_SERVER_BODY', 'this route takes no body'),
      request.caller,
      request.headers,
      this.#stopping,
      reply,
    );
  }
}

class ReceivedRequest {
  readonly #stopping: AbortSignal;
  readonly #reply: FastifyReply;
  #signal: AbortSignal | undefined;

  constructor(
    readonly params: unknown,
    readonly query: unknown,
    readonly body: unknown,
    readonly caller: Caller | undefined,
    readonly headers: IncomingHttpHeaders,
    stopping: AbortSignal,
    reply: FastifyReply,
  ) {
    this.#stopping = stopping;
    this.#reply = reply;
  }

  /** Few ask for it, and it costs more than all the rest. */
  get signal(): AbortSignal {
    return (this.#signal ??= AbortSignal.any([this.#stopping, ended(this.#reply)]));
  }
}

function written({ status, body, headers = {} }: Answer, reply: FastifyReply): unknown {
  reply.status(status).headers(headers);
  return body;
}

/** Aborts when the caller has gone before the answer was complete. */
function ended(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return gone.signal;
}

function checked(schema: z.ZodType, value: unknown, code: ServerErrorCode, what: string): unknown {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const errors = error.issues.flatMap((issue) => fieldErrors(issue, code));
  throw new ServerError(
    code,
    `${what} is not what this route takes: ${errors
      .map(({ pointer, parameter, detail }) => `${pointer ?? parameter ?? ''} ${detail}`.trim())
      .slice(0, 5)
      .join('; ')}`,
    { errors },
  );
}

/** No part of what was sent is in the words; its place says enough. */
function fieldErrors(issue: z.core.$ZodIssue, code: ServerErrorCode): readonly FieldError[] {
  const paths =
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((one) => [...issue.path, one])
      : [issue.path];
  const detail = issue.code === 'unrecognized_keys' ? 'is not known here' : issue.message;
  return paths
    .slice(0, 20)
    .map((path) =>
      code === 'ERR_SERVER_BODY'
        ? { pointer: pointerOf(path), detail }
        : { parameter: path.map(String).join('.').slice(0, 100), detail },
    );
}

/** RFC 6901; a key of the caller's own is cut. */
function pointerOf(path: readonly PropertyKey[]): string {
  return path
    .map((part) => `/${String(part).slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}

function nothing(value: unknown, code: ServerErrorCode, detail: string): undefined {
  if (
    value === undefined ||
    value === null ||
    (typeof value === 'object' && Object.keys(value).length === 0)
  )
    return undefined;
  throw new ServerError(code, detail, {
    errors: [
      code === 'ERR_SERVER_BODY'
        ? { pointer: '', detail }
        : { parameter: Object.keys(value)[0]?.slice(0, 100) ?? '', detail },
    ],
  });
}
