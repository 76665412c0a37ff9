import { Server, type TlsOptions } from 'node:tls';
import { autocert, type AutocertOptions } from '@acmex/https';
import type { Plugin, PreviewServer, ViteDevServer } from 'vite';

/**
 * Returns a plug-in that sets `server.https` and `preview.https`: Vite serves HTTPS and HTTP/2 with
 * a certificate of the local CA of the user. It does nothing for a build, and nothing in middleware
 * mode, where the server is not Vite's.
 */
export function acmex({ localCa }: Pick<AutocertOptions, 'localCa'> = {}): Plugin {
  let find: TlsOptions['SNICallback'];
  const https: TlsOptions = {
    SNICallback(name, done) {
      if (find) find.call(this, name, done);
      else done(null);
    },
  };
  // Frameworks also make servers that never listen, for builds too, and leave this hook out there.
  const open = async ({ httpServer, config }: ViteDevServer | PreviewServer) => {
    if (!(httpServer instanceof Server)) return;
    const tls = await autocert({ development: true, localCa });
    find = tls.http2Options.SNICallback;
    tls.attach(httpServer);
    httpServer.once('close', () => {
      Promise.resolve(tls[Symbol.asyncDispose]()).catch((error: Error) =>
        config.logger.error(`acmex: ${error.message}`),
      );
    });
  };
  return {
    name: 'acmex',
    apply: 'serve',
    config: ({ server }) =>
      server?.middlewareMode ? undefined : { server: { https }, preview: { https } },
    configureServer: open,
    configurePreviewServer: open,
  };
}
