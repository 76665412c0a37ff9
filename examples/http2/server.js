import { createSecureServer } from 'node:http2';
import { autocert } from '@acmex/https';

const tls = await autocert({ names: ['example.com'], acceptTerms: true });
const server = createSecureServer(tls.http2Options, ({ httpVersion }, response) => {
  response.end(`Hello from HTTP/${httpVersion}`);
});
tls.attach(server);
server.listen(Number(process.env.PORT ?? 443));
await tls.listenHttp();
