import { createSecureServer } from 'node:http2';
import { autocert } from '@acmex/https';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';

const app = new Hono();
app.get('/', (context) => context.text('Hello from Hono'));

const tls = await autocert({ names: ['example.com'], acceptTerms: true });
const server = serve({
  fetch: app.fetch,
  createServer: createSecureServer,
  serverOptions: tls.http2Options,
  port: Number(process.env.PORT ?? 443),
});
tls.attach(server);
await tls.listenHttp();
