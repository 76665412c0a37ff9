import {
  assertDashboardBuilt,
  type DashboardFile,
  dashboardFiles,
  dashboardFolder,
  routes,
} from '@acmex/dashboard';
import { errorCode } from '@acmex/errors';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ServerError } from '../errors.ts';
import { type Log, logError } from '../log.ts';

export interface MountDashboardOptions {
  readonly log: Log;
  /** Of the page's files; that of the package by default. */
  readonly folder?: string;
}

/** The page runs its own scripts alone, asks its own server alone, and is in no frame. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/**
 * Serves the page for people: its files from memory, and itself under the address of each screen.
 * They are read at the first request, and hold nothing of a tenant. A page that is not built is
 * logged now; its addresses answer that until it is built.
 */
export async function mountDashboard(
  fastify: FastifyInstance,
  { log, folder = dashboardFolder() }: MountDashboardOptions,
): Promise<void> {
  await assertDashboardBuilt(folder).catch((cause: unknown) => {
    logError(log, 'server.dashboard', unreadable(cause));
  });
  let reading: Promise<ReadonlyMap<string, DashboardFile>> | undefined;
  const fileAt = async (path: string) => {
    reading ??= filesByPath(folder);
    const files = await reading.catch((error: unknown) => {
      reading = undefined;
      throw error;
    });
    return files.get(path);
  };
  for (const url of Object.values(routes))
    fastify.get(url, async (request, reply) => await send(await fileAt('/'), request, reply));
  fastify.get('/assets/:file', async (request, reply) => {
    const { file } = request.params as { readonly file: string };
    return await send(await fileAt(`/assets/${file}`), request, reply);
  });
}

/** @throws ServerError `ERR_SERVER_NOT_FOUND` where the page is not built */
async function filesByPath(folder: string): Promise<ReadonlyMap<string, DashboardFile>> {
  try {
    return new Map((await dashboardFiles(folder)).map((file) => [file.path, file]));
  } catch (cause) {
    throw unreadable(cause);
  }
}

function unreadable(cause: unknown): unknown {
  if (errorCode(cause) !== 'ENOENT') return cause;
  const message =
    'the page of the dashboard is not built: run npm run build, or set server.dashboard = false';
  return new ServerError('ERR_SERVER_NOT_FOUND', message, { cause });
}

async function send(
  file: DashboardFile | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (!file) throw new ServerError('ERR_SERVER_NOT_FOUND', 'the dashboard has no such file');
  const { contentType, etag, immutable, identity, brotli, gzip } = file;
  reply.headers({
    'content-security-policy': contentSecurityPolicy,
    // Without the page itself in a cache, "back" shows nothing of who has signed out.
    'cache-control': immutable ? 'public, max-age=31536000, immutable' : 'no-store',
    vary: 'accept-encoding',
    etag,
  });
  if (request.headers['if-none-match'] === etag) return await reply.code(304).send();
  const accepted = acceptedEncodings(request.headers['accept-encoding']);
  const coded = [
    { encoding: 'br', body: brotli },
    { encoding: 'gzip', body: gzip },
  ].find(({ encoding, body }) => body && accepted.has(encoding));
  const { encoding, body = identity } = coded ?? {};
  if (encoding) reply.header('content-encoding', encoding);
  return await reply.type(contentType).send(Buffer.from(body.buffer, body.byteOffset, body.length));
}

/** The codings that a browser takes, without those of weight 0. RFC 9110 §12.5.3 */
function acceptedEncodings(header: string | readonly string[] = ''): ReadonlySet<string> {
  return new Set(
    String(header)
      .toLowerCase()
      .split(',')
      .filter((coding) => !/;\s*q=0(?:\.0*)?\s*$/.test(coding))
      .map((coding) => coding.split(';', 1)[0]?.trim() ?? ''),
  );
}
