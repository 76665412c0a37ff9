import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '@acmex/clock';
import { isModuleMissing } from '@acmex/errors';
import type { Queue } from 'bullmq';
import type { FastifyInstance } from 'fastify';
import type { Authenticator } from '../access/authenticator.ts';
import { withPassword } from '../access/credentials.ts';
import { ServerError } from '../errors.ts';
import { problemOf } from '../http/problem.ts';
import { send } from '../http/problems.ts';
import type { ServerPaths } from '../http/server-paths.ts';

export interface BoardOptions {
  readonly fastify: FastifyInstance;
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
  /** Those that there are now. */
  readonly queues: () => readonly Queue[];
  readonly clock: Clock;
  readonly paths: ServerPaths;
}

const prefix = '/board';
/** The page has its own scripts and styles, and loads nothing from other hosts. */
const policy =
  "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

/**
 * bull-board, to look at the queues of all tenants and change nothing, at `/board`: for a key of
 * the default tenant that may use every name and has the scope queue:write, which a browser asks
 * for as a password.
 * @throws ServerError `ERR_SERVER_PACKAGE` where it is not installed
 */
export async function mountBoard({
  fastify,
  authenticator,
  queues,
  clock,
  paths,
}: BoardOptions): Promise<void> {
  const [{ createBullBoard }, { BullMQAdapter }, { FastifyAdapter }] = await Promise.all([
    import('@bull-board/api'),
    import('@bull-board/api/bullMQAdapter'),
    import('@bull-board/fastify'),
  ]).catch((cause: unknown) => {
    if (!isModuleMissing(cause)) throw cause;
    throw new ServerError(
      'ERR_SERVER_PACKAGE',
      'server.board shows bull-board, which is not installed: npm install @bull-board/api @bull-board/fastify',
      { cause },
    );
  });
  const adapter = new FastifyAdapter();
  const board = createBullBoard({
    queues: [],
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: 'AcmeX' } },
  });
  adapter.setBasePath(prefix);
  await fastify.register(async (instance) => {
    instance.addHook('onRequest', async ({ headers, ip }, reply) => {
      try {
        reply.header('www-authenticate', 'Basic realm="the API key as password"');
        await assertMayLook(authenticator, headers, ip);
      } catch (error) {
        send(problemOf(error, { clock, paths }), reply);
        return reply;
      }
      reply.removeHeader('www-authenticate');
      reply.header('content-security-policy', policy);
      board.setQueues(queues().map((queue) => new BullMQAdapter(queue, { readOnlyMode: true })));
      return undefined;
    });
    await instance.register(adapter.registerPlugin(), { prefix });
  });
}

/** @throws ServerError `ERR_SERVER_UNAUTHENTICATED`, `ERR_SERVER_FORBIDDEN`, `ERR_SERVER_THROTTLED` */
async function assertMayLook(
  authenticator: BoardOptions['authenticator'],
  { 'x-api-key': key, authorization }: IncomingHttpHeaders,
  address: string,
): Promise<void> {
  // No session: of a POST to the board it is not checked which page has sent it.
  const credentials = { 'x-api-key': key, authorization: withPassword(authorization), cookies: [] };
  const caller = await authenticator.authenticate(credentials, address);
  if (!caller)
    throw new ServerError(
      'ERR_SERVER_UNAUTHENTICATED',
      'the board needs an API key: a browser asks for it as a password',
    );
  const { tenant, names, scopes } = caller;
  if (tenant.scope !== '' || !names.includes('*') || !scopes.has('queue:write'))
    throw new ServerError(
      'ERR_SERVER_FORBIDDEN',
      'the board shows the queues of all tenants: it needs a key of the default tenant that may use every name, with the scope queue:write',
    );
}
