import createClient, { type ParamsOption, type RequestBodyOption } from 'openapi-fetch';
import { type Connection, connection, type ConnectionOptions, within } from './connection.ts';
import { ApiError } from './errors.ts';
import { type OrderEvent, watchOrder, type WatchOptions } from './order-events.ts';
import { pages } from './pages.ts';
import { refusal } from './problem.ts';
import type { paths } from './rest-api.ts';

export type Method = 'get' | 'put' | 'post' | 'patch' | 'delete';

/** The paths that have a method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends Readonly<Record<M, { responses: unknown }>> ? P : never;
}[keyof paths];

export type OperationOf<P extends keyof paths, M extends Method> =
  paths[P] extends Readonly<Record<M, infer Operation>> ? Operation : never;

export type CallOptions<Operation> = ParamsOption<Operation> &
  RequestBodyOption<Operation> & {
    readonly headers?: Readonly<Record<string, string>>;
    readonly signal?: AbortSignal;
  };

type Success = 200 | 201 | 202 | 204 | 304;
type BodyOf<Reply> = Reply extends { content: infer Content } ? Content[keyof Content] : undefined;

/** What an operation answers: JSON that is parsed, or text; undefined where nothing has changed. */
export type DataOf<Operation> = Operation extends { responses: infer Replies }
  ? { [Status in keyof Replies & Success]: BodyOf<Replies[Status]> }[keyof Replies & Success]
  : never;

export interface Answer<Data> {
  readonly data: Data;
  /** Status and headers; the body is read. */
  readonly response: Response;
}

type Arguments<Options> = object extends Options ? [options?: Options] : [options: Options];

/**
 * Calls an operation.
 *
 * @throws ApiError for an answer of 400 and more with the code of the server, and
 * `ERR_API_UNREACHABLE`, `ERR_API_ANSWER`, `ERR_API_OPTION`; the reason of `signal`
 */
export type Call<M extends Method> = <P extends PathOf<M>>(
  path: P,
  ...options: Arguments<CallOptions<OperationOf<P, M>>>
) => Promise<Answer<DataOf<OperationOf<P, M>>>>;

/** The paths of lists, which come in pages. */
export type ListPath = {
  [P in PathOf<'get'>]: DataOf<OperationOf<P, 'get'>> extends { items: unknown[]; scanned: number }
    ? P
    : never;
}[PathOf<'get'>];
export type PageOf<P extends ListPath> = Extract<
  DataOf<OperationOf<P, 'get'>>,
  { items: unknown[] }
>;
export type ItemOf<P extends ListPath> = PageOf<P>['items'][number];

export interface AcmexApi {
  readonly GET: Call<'get'>;
  readonly PUT: Call<'put'>;
  readonly POST: Call<'post'>;
  readonly PATCH: Call<'patch'>;
  readonly DELETE: Call<'delete'>;
  /** Yields the pages of a list, from `cursor` on if there is one in `params.query`. */
  pages<P extends ListPath>(
    path: P,
    ...options: Arguments<CallOptions<OperationOf<P, 'get'>>>
  ): AsyncGenerator<PageOf<P>, void, undefined>;
  /** Yields what is in the pages of a list. */
  items<P extends ListPath>(
    path: P,
    ...options: Arguments<CallOptions<OperationOf<P, 'get'>>>
  ): AsyncGenerator<ItemOf<P>, void, undefined>;
  /**
   * Yields what happens to an order until it has ended. Where the connection is cut, it connects
   * again and continues after the last event.
   *
   * @param id of the order
   */
  watchOrder(id: string, options?: WatchOptions): AsyncGenerator<OrderEvent, void, undefined>;
}

export type AcmexApiOptions = ConnectionOptions;

/**
 * Returns a client of the REST API of an AcmeX server. It sends nothing before a call.
 *
 * @throws ApiError `ERR_API_OPTION` for options that cannot be used
 */
export function acmexApi(options: AcmexApiOptions): AcmexApi {
  const server = connection(options);
  const call = caller(server);
  const list = (path: string, callOptions?: LooseOptions) =>
    pages(path, async (query) => {
      const params = { ...callOptions?.params, query: { ...callOptions?.params?.query, ...query } };
      return (await call('get', path, { ...callOptions, params })).data;
    });
  // The types of one path and method are those of the description; what runs is the same for all.
  return {
    ...Object.fromEntries(
      (['get', 'put', 'post', 'patch', 'delete'] as const).map((method) => [
        method.toUpperCase(),
        async (path: string, callOptions?: LooseOptions) => await call(method, path, callOptions),
      ]),
    ),
    pages: list,
    async *items(path: string, callOptions?: LooseOptions) {
      for await (const { items } of list(path, callOptions)) yield* items;
    },
    watchOrder: (id: string, watchOptions?: WatchOptions) =>
      watchOrder(id, { connect: streamOf(server), timer: server.timer }, watchOptions),
  } as unknown as AcmexApi;
}

interface LooseOptions {
  readonly params?: { readonly query?: Readonly<Record<string, unknown>>; readonly path?: object };
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

function caller(server: Connection) {
  const send = sender(server);
  return async (
    method: Method,
    path: string,
    { signal, ...options }: LooseOptions = {},
  ): Promise<Answer<unknown>> => {
    const subject = `${method.toUpperCase()} ${path}`;
    const limitMs = server.timeLimitMs + Number(options.params?.query?.wait ?? 0) * 1000;
    return await within(subject, { timer: server.timer, limitMs, signal }, async (limited) => {
      const response = await send(method, path, { ...options, signal: limited });
      const text = await response.text();
      const data = text === '' ? undefined : parsed(subject, response, text);
      return { data, response };
    });
  };
}

/** Returns what opens the stream of an order. */
function streamOf(server: Connection) {
  const send = sender(server);
  const path = '/api/orders/{id}/events';
  return async (id: string, lastEventId: string | undefined, signal: AbortSignal | undefined) =>
    await within(
      `GET ${path}`,
      { timer: server.timer, limitMs: server.timeLimitMs, signal },
      async (limited) =>
        await send('get', path, {
          params: { path: { id } },
          headers: {
            accept: 'text/event-stream',
            ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
          },
          signal: limited,
        }),
    );
}

/** Returns what sends a request and refuses what is not a success. */
function sender({ url, fetch }: Connection) {
  const client = createClient<Record<string, never>>({ baseUrl: url, fetch, redirect: 'manual' });
  const request = client.request as unknown as (
    method: Method,
    path: string,
    options: object,
  ) => Promise<{ readonly response: Response; readonly error?: unknown }>;
  return async (
    method: Method,
    path: string,
    { params, body, headers, signal }: LooseOptions,
  ): Promise<Response> => {
    const { response, error } = await request(method, path, {
      ...{ params, body, headers, signal },
      parseAs: 'stream',
    });
    if (response.ok || response.status === 304) return response;
    throw refusal(`${method.toUpperCase()} ${path}`, response, error);
  };
}

function parsed(subject: string, { headers, status }: Response, text: string): unknown {
  if (!/^application\/(?:[\w.-]+\+)?json\b/i.test(headers.get('content-type') ?? '')) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ApiError('ERR_API_ANSWER', `${subject}: the answer is not valid JSON`, {
      cause,
      status,
    });
  }
}
