import type { Http2SecureServer } from 'node:http2';
import type { Server } from 'node:https';
import type { Autocert } from '@acmex/https';
import type { FastifyInstance } from 'fastify';

export interface AcmexOptions {
  /** What the server is made with, as `https: tls.options` or `tls.http2Options`. */
  readonly tls: Autocert;
  /**
   * Whether port 80 is answered, too, as `tls.listenHttp` does it: challenges, and a redirect to
   * HTTPS. True by default.
   */
  readonly http?: boolean | undefined;
}

/**
 * Keeps current what a Fastify server presents, and ends `tls` when the server is closed.
 * @throws HttpsError `ERR_HTTPS_LISTEN` from `ready` and `listen`
 */
export async function acmex(
  app: FastifyInstance<Server | Http2SecureServer>,
  { tls, http = true }: AcmexOptions,
): Promise<void> {
  tls.attach(app.server);
  if (http) app.addHook('onReady', async () => await tls.listenHttp());
  app.addHook('onClose', async () => await tls[Symbol.asyncDispose]());
}
