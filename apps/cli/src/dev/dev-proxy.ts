import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Clock, withTimeLimit } from '@acmex/clock';
import { errorCode, errorText } from '@acmex/errors';
import { ProxyServer } from 'httpxy';

export type ProxiedRequest = IncomingMessage | Http2ServerRequest;
export type ProxiedResponse = ServerResponse | Http2ServerResponse;

/** Passes requests of browsers on to a program of this machine. */
export interface DevProxy {
  onRequest(request: ProxiedRequest, response: ProxiedResponse): Promise<void>;
  onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
}

/** How long a request waits for a program that does not listen: it starts, or starts again. */
const patience = { seconds: 5 };
const interval = { milliseconds: 100 };
/** What a client says of the connection before this one. */
const forwarded = /^(forwarded|x-forwarded-.*|x-real-ip)$/;

/**
 * Returns what passes requests on to a port of this machine. Bodies are streamed. The program sees
 * the name that the browser asks for, and `X-Forwarded-For`, `-Port`, `-Proto` and `-Host`.
 */
export function devProxy(
  port: number,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): DevProxy {
  // By its name: some programs listen on ::1 only.
  const target = `http://localhost:${port}`;
  const proxy = new ProxyServer<ProxiedRequest, ProxiedResponse>({ target, xfwd: true });
  let isListening = false;
  /** Waits until the program listens. Only a request after a failure asks, so that none is lost. */
  const untilListening = async () => {
    if (isListening) return;
    await withTimeLimit({ clock, limit: patience, signal }, async (limited) => {
      while (!(await listens(port))) await clock.sleep(interval, { signal: limited });
    });
    isListening = true;
  };
  const attempt = async (pass: () => Promise<void>, canRepeat: boolean): Promise<void> => {
    await untilListening();
    try {
      await pass();
    } catch (error) {
      isListening = false;
      if (!canRepeat || errorCode(error) !== 'ECONNREFUSED') throw error;
      await untilListening();
      await pass();
    }
  };
  return {
    async onRequest(request, response) {
      withoutForwarded(request);
      const canRepeat = request.method === 'GET' || request.method === 'HEAD';
      try {
        await attempt(async () => await proxy.web(request, response), canRepeat);
      } catch (error) {
        answerFailure(request, response, { port, reason: reasonOf(error) });
      }
    },
    async onUpgrade(request, socket, head) {
      withoutForwarded(request);
      socket.on('error', () => socket.destroy());
      try {
        // A connection of TLS is one of TCP.
        const upgraded = socket as Parameters<typeof proxy.ws>[1];
        await attempt(async () => await proxy.ws(request, upgraded, {}, head), false);
      } catch {
        socket.end('HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n');
      }
    },
  };
}

/** Whether something listens on a port of this machine. */
async function listens(port: number): Promise<boolean> {
  const socket = connect({ port, host: 'localhost' });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function withoutForwarded({ headers }: ProxiedRequest): void {
  for (const name of Object.keys(headers)) if (forwarded.test(name)) delete headers[name];
}

function reasonOf(error: unknown): string {
  const { name } = error as { readonly name?: unknown };
  return name === 'TimeLimitError' ? 'nothing listens there' : errorText(error);
}

function answerFailure(
  { method, headers }: ProxiedRequest,
  response: ProxiedResponse,
  { port, reason }: { readonly port: number; readonly reason: string },
): void {
  if (response.headersSent) return void response.destroy();
  const text = `localhost:${port} does not answer: ${reason}`;
  const isPage = method === 'GET' && (headers.accept ?? '').includes('text/html');
  const type = isPage ? 'text/html' : 'text/plain';
  response.statusCode = 502;
  response.setHeader('content-type', `${type}; charset=utf-8`);
  response.setHeader('cache-control', 'no-store');
  response.setHeader('retry-after', '1');
  response.end(isPage ? page(text) : `${text}\n`);
}

function page(text: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="1">
<title>The program does not answer</title>
<style>body { font: 1.1rem/1.5 system-ui; max-width: 40rem; margin: 4rem auto; padding: 0 1rem }</style>
<h1>The program does not answer</h1>
<p>${escaped(text)}</p>
<p>Start it, or correct the port of <code>acmex dev</code>. This page tries again each second.</p>
</html>
`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
