import { createServer, type IncomingHttpHeaders } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

/** A span as a receiver of OTLP reads it. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first span of a trace. */
  readonly parent: string;
  readonly name: string;
}

export interface OtlpReceiver extends AsyncDisposable {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** All that was received, as text and hexadecimal. */
  readonly bytes: Buffer;
  readonly headers: readonly IncomingHttpHeaders[];
}

/**
 * Receives traces by OTLP over HTTP, with protobuf or JSON.
 * @param answer how it answers; `never`: it takes the request and stays silent
 */
export async function otlpReceiver(answer: 'accepts' | 'never' = 'accepts'): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const bodies: Buffer[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      bodies.push(body);
      headers.push(request.headers);
      if (answer === 'never') return;
      const isJson = request.headers['content-type'] === 'application/json';
      spans.push(...(isJson ? jsonSpansIn(body) : spansIn(body)));
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    headers,
    get bytes() {
      return Buffer.concat(bodies);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The same message as `spansIn` reads, in the JSON encoding of OTLP: ids are hexadecimal. */
function jsonSpansIn(request: Buffer): readonly ReceivedSpan[] {
  const { resourceSpans } = JSON.parse(request.toString()) as {
    readonly resourceSpans: readonly {
      readonly scopeSpans: readonly {
        readonly spans: readonly (Omit<ReceivedSpan, 'parent'> & {
          readonly parentSpanId?: string;
        })[];
      }[];
    }[];
  };
  return resourceSpans
    .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
    .map(({ traceId, spanId, name, parentSpanId = '' }) => ({
      ...{ traceId, spanId, name, parent: parentSpanId },
    }));
}

/** ExportTraceServiceRequest: resource_spans 1, scope_spans 2, spans 2. */
function spansIn(request: Buffer): readonly ReceivedSpan[] {
  return fieldsOf(request, 1)
    .flatMap((resourceSpans) => fieldsOf(resourceSpans, 2))
    .flatMap((scopeSpans) => fieldsOf(scopeSpans, 2))
    .map((span) => {
      const first = (number: number) => fieldsOf(span, number)[0] ?? Buffer.alloc(0);
      return {
        traceId: first(1).toString('hex'),
        spanId: first(2).toString('hex'),
        parent: first(4).toString('hex'),
        name: first(5).toString(),
      };
    });
}

/** Returns the values of a field of a protobuf message that have a length. */
function fieldsOf(message: Buffer, wanted: number): readonly Buffer[] {
  const values: Buffer[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at] ?? 0;
      at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const wireType = key & 7;
    if (wireType === 0) varint();
    else if (wireType === 1) at += 8;
    else if (wireType === 5) at += 4;
    else {
      const length = varint();
      if (key >>> 3 === wanted) values.push(message.subarray(at, at + length));
      at += length;
    }
  }
  return values;
}
