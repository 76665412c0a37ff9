import { acmex } from '@acmex/fastify';
import { autocert } from '@acmex/https';
import Fastify from 'fastify';

const tls = await autocert({ names: ['example.com'], acceptTerms: true });
const app = Fastify({ http2: true, https: tls.http2Options });
await app.register(acmex, { tls });

app.get('/', async () => 'Hello from Fastify');
await app.listen({ port: Number(process.env.PORT ?? 443), host: '::' });
