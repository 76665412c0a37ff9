import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import type { Clock } from '@acmex/clock';
import { IdentifierError } from '@acmex/identifier';
import { type AuditOrigin, withAuditOrigin } from '@acmex/observability/audit';
import type { Tracing } from '@acmex/observability/tracing';
import { Inject, Injectable, Optional } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Temporal } from 'temporal-polyfill';
import type * as z from 'zod';
import type { Admission, Caller } from '../access/caller.ts';
import type { IncomingRequest } from '../access/credentials.ts';
import { CredentialMonitor } from '../access/credential-monitor.ts';
import { CLOCK } from '../clock.ts';
import { type FieldError, ServerError, type ServerErrorCode } from '../errors.ts';
import { SCHEDULING, type Scheduling } from '../scheduling.ts';
import { AuthGuard, type ParsedRequest } from './auth-guard.ts';
import type { Answer, EndpointDescription, Handler, Received } from './endpoint.ts';
import { Idempotency, idempotencyKeyIn, type RepeatableWork } from './idempotency.ts';
import { LiveRequest } from './live-request.ts';
import { traceIdIn } from './trace-context.ts';

/** Aborts when the server stops. */
export const STOPPING = Symbol('stopping');
/** Whether changes are recorded with the caller: this costs a request some time. */
export const IS_AUDITED = Symbol('is audited');
/** What records requests as spans; absent where they are not recorded. */
export const TRACING = Symbol('tracing');

/**
 * Takes a request from its route to its handler: who asks, what was sent, whether it was done
 * before; then the answer.
 */
@Injectable()
export class RequestPipeline {
  readonly #guard: AuthGuard;
  readonly #idempotency: Idempotency;
  readonly #scheduling: Scheduling;
  readonly #stopping: AbortSignal;
  readonly #monitor: CredentialMonitor;
  readonly #clock: Clock;
  readonly #isAudited: boolean;
  readonly #tracing: Tracing | undefined;

  constructor(
    @Inject(AuthGuard) guard: AuthGuard,
    @Inject(Idempotency) idempotency: Idempotency,
    @Inject(STOPPING) stopping: AbortSignal,
    @Inject(SCHEDULING) scheduling: Scheduling,
    @Inject(CLOCK) clock: Clock,
    @Inject(IS_AUDITED) isAudited: boolean,
    @Optional() @Inject(TRACING) tracing?: Tracing,
  ) {
    this.#tracing = tracing;
    this.#isAudited = isAudited;
    this.#guard = guard;
    this.#idempotency = idempotency;
    this.#scheduling = scheduling;
    this.#stopping = stopping;
    this.#monitor = new CredentialMonitor(clock);
    this.#clock = clock;
  }

  /** Whether each request is recorded as a span. */
  get isTraced(): boolean {
    return this.#tracing !== undefined;
  }

  /**
   * Authorizes and checks a request, has it handled, and sends the answer.
   * @throws ServerError for what is refused; and what the handler throws
   */
  async run(
    endpoint: EndpointDescription,
    handle: Handler,
    request: ParsedRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const respond = async () => await this.#respond(endpoint, handle, request, reply);
    const { method, headers: received } = request;
    const { status, body, headers, live } = this.#tracing
      ? await this.#tracing.traceRequest(
          { method, route: endpoint.path, traceparent: received.traceparent },
          respond,
        )
      : await respond();
    return reply
      .status(status)
      .headers(headers ?? {})
      .send(body instanceof Readable ? live.stream(body) : body);
  }

  async #respond(
    endpoint: EndpointDescription,
    handle: Handler,
    request: ParsedRequest,
    reply: FastifyReply,
  ): Promise<Answer & { readonly live: LiveRequest }> {
    const admission = await this.#guard.admit(endpoint, request, reply);
    // A spread here would cost more than the rest of a small request.
    const live = new LiveRequest({
      guard: this.#guard,
      monitor: this.#monitor,
      clock: this.#clock,
      stopping: this.#stopping,
      endpoint,
      request,
      reply,
      caller: admission?.caller,
    });
    const headers = this.#headersOf(request);
    const received = new ReceivedRequest(
      checkedRequest(endpoint, request),
      headers,
      request,
      admission?.caller,
      live,
    );
    // The schemas made what the handler takes: its type is derived from them.
    const handled: RepeatableWork = async (since) => {
      received.since = since;
      return await handle(received as unknown as Received<never, never, never>);
    };
    const work: RepeatableWork = this.#hasOrigin(headers)
      ? async (since) =>
          await withAuditOrigin(
            originOf(request.ip, headers, admission),
            async () => await handled(since),
          )
      : handled;
    const answer =
      request.method === 'GET'
        ? await this.#read(live, work)
        : await this.#change({ endpoint, request, admission, live, work });
    const { status, body } = answer;
    return { status, body, headers: answer.headers, live };
  }

  /** Whether records of the audit log or events say where a request came from. */
  #hasOrigin(headers: IncomingHttpHeaders): boolean {
    return this.#isAudited || headers.traceparent !== undefined;
  }

  /** Returns the headers, with the span of the request as its trace where it is recorded. */
  #headersOf({ headers }: ParsedRequest): IncomingHttpHeaders {
    const traceparent = this.#tracing?.managerOptions.currentTrace();
    return traceparent === undefined ? headers : { ...headers, traceparent };
  }

  /** Reads what a request asks for, and answers it only while its credential is valid. */
  async #read(live: LiveRequest, work: () => Promise<Answer>): Promise<Answer> {
    const answer = await work();
    await live.assertFresh();
    return answer;
  }

  /**
   * Does a request that changes something once, and only while other processes can be notified of
   * it.
   */
  async #change({ endpoint, request, admission, live, work }: Change): Promise<Answer> {
    const { method, url, headers, rawBody: body } = request;
    if (this.#scheduling.team?.isConnected() === false)
      throw new ServerError(
        'ERR_SERVER_UNAVAILABLE',
        'Redis cannot be reached: try again in a few seconds',
        { retryAfter: 5 },
      );
    const key = admission && (admission.idempotencyKey ?? idempotencyKeyIn(headers));
    if (!admission || key === undefined || endpoint.ofSession) return await work();
    const secret = endpoint.secret === true;
    return await this.#idempotency.once(
      { caller: admission.caller, key, method, url, body, secret, live },
      work,
    );
  }
}

/** Returns what the audit log says of who asks. */
function originOf(
  ip: string,
  headers: IncomingHttpHeaders,
  admission: Admission | undefined,
): AuditOrigin {
  return { actor: admission?.caller.id, address: ip, traceId: traceIdIn(headers) };
}

/** A request that changes something. */
interface Change {
  readonly endpoint: EndpointDescription;
  readonly request: ParsedRequest;
  readonly admission: Admission | undefined;
  readonly live: LiveRequest;
  readonly work: RepeatableWork;
}

interface CheckedRequest {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

/** @throws ServerError `ERR_SERVER_REQUEST`, `ERR_SERVER_BODY` */
function checkedRequest(
  { params, query, body, method, path }: EndpointDescription,
  request: CheckedRequest,
): CheckedRequest {
  const route = `${method} ${path}`;
  return {
    params:
      params &&
      checked(params, request.params, { code: 'ERR_SERVER_REQUEST', what: 'path', route }),
    query: query
      ? checked(query, request.query, { code: 'ERR_SERVER_REQUEST', what: 'query', route })
      : nothing(request.query, { code: 'ERR_SERVER_REQUEST', what: 'query', route }),
    body: body
      ? checked(body, request.body ?? {}, { code: 'ERR_SERVER_BODY', what: 'body', route })
      : nothing(request.body, { code: 'ERR_SERVER_BODY', what: 'body', route }),
  };
}

class ReceivedRequest {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly reauthenticate: () => Promise<void>;
  since: Temporal.Instant | undefined;
  readonly #live: LiveRequest;

  constructor(
    { params, query, body }: CheckedRequest,
    readonly headers: IncomingHttpHeaders,
    readonly request: IncomingRequest,
    readonly caller: Caller | undefined,
    live: LiveRequest,
  ) {
    this.params = params;
    this.query = query;
    this.body = body;
    this.reauthenticate = live.reauthenticate;
    this.#live = live;
  }

  get signal(): AbortSignal {
    return this.#live.signal;
  }
}

/**
 * Removes the members of a body that are null where the route takes no null, as many programs send
 * what is absent.
 * @returns whether it has removed one
 */
function removeNulls(body: unknown, issues: readonly z.core.$ZodIssue[]): boolean {
  const paths = issues.map(({ path }) => path).filter((path) => path.length > 0);
  const removed = paths.filter((path) => {
    const parent = path
      .slice(0, -1)
      .reduce<unknown>((value, part) => (value as Record<PropertyKey, unknown>)[part], body);
    const name = path.at(-1);
    if (typeof name !== 'string' || !isObject(parent) || parent[name] !== null) return false;
    return delete parent[name];
  });
  return removed.length > 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Which part of a request is checked. */
interface CheckedPart {
  /** The code of what is wrong in it. */
  readonly code: ServerErrorCode;
  readonly what: 'path' | 'query' | 'body';
  /** `GET /api/orders/:id` */
  readonly route: string;
}

function checked(schema: z.ZodType, value: unknown, { code, what, route }: CheckedPart): unknown {
  const first = schema.safeParse(value);
  const isAgain =
    code === 'ERR_SERVER_BODY' && !first.success && removeNulls(value, first.error.issues);
  const { success, data, error } = isAgain ? schema.safeParse(value) : first;
  if (success) return data;
  const errors = error.issues.flatMap((issue) => fieldErrors(issue, code));
  const refused = refusedName(error.issues);
  if (refused) throw Object.assign(refused, { errors });
  throw new ServerError(
    code,
    `the ${what} is not what ${route} takes: ${errors
      .map(({ pointer, parameter, detail }) => `${pointer ?? parameter ?? ''} ${detail}`.trim())
      .slice(0, 5)
      .join('; ')}`,
    { errors },
  );
}

/**
 * Returns the error of the first name that no certificate can have, where nothing else is wrong.
 */
function refusedName(issues: readonly z.core.$ZodIssue[]): IdentifierError | undefined {
  const errors = issues.map((issue) =>
    issue.code === 'custom' ? (issue.params?.error as unknown) : undefined,
  );
  const names = errors.filter((error) => error instanceof IdentifierError);
  return names.length === issues.length ? names[0] : undefined;
}

/** Quotes no part of what was sent, except a name that is refused. */
function fieldErrors(issue: z.core.$ZodIssue, code: ServerErrorCode): readonly FieldError[] {
  const paths =
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => [...issue.path, key])
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

function nothing(value: unknown, { code, what, route }: CheckedPart): undefined {
  if (
    value === undefined ||
    value === null ||
    (typeof value === 'object' && Object.keys(value).length === 0)
  )
    return undefined;
  const detail = `${route} takes no ${what}`;
  throw new ServerError(code, detail, {
    errors: [
      code === 'ERR_SERVER_BODY'
        ? { pointer: '', detail }
        : { parameter: Object.keys(value)[0]?.slice(0, 100) ?? '', detail },
    ],
  });
}
