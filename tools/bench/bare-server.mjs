// Fastify alone: a route of health, one that answers a page from memory, and one that takes an order
// by one SET in Redis. Arguments: its port, the file of the page or nothing, and the URL of Redis.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fastify from 'fastify';
import { Redis } from 'ioredis';

const [port, page, url] = process.argv.slice(2);
const app = fastify();
app.get('/health', async () => ({ status: 'healthy' }));
if (page) {
  const bytes = readFileSync(page);
  app.get('/api/certificates', (_, reply) => reply.type('application/json').send(bytes));
}
if (url) {
  const redis = new Redis(url);
  app.post('/api/orders', async ({ body: { names } }, reply) => {
    const id = randomUUID();
    await redis.set(`order:${id}`, JSON.stringify({ id, names, status: 'queued' }));
    return await reply.code(202).send({ id });
  });
}
await app.listen({ port: Number(port), host: '127.0.0.1' });
