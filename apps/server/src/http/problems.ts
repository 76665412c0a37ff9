import type { Clock } from '@acmex/clock';
import { type ArgumentsHost, Catch, type ExceptionFilter, Inject } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Authenticator } from '../access/authenticator.ts';
import { credentialsOf } from '../access/credentials.ts';
import { CLOCK } from '../clock.ts';
import { ServerError } from '../errors.ts';
import { missingCredential } from './auth-guard.ts';
import { LOG, type Log } from '../log.ts';
import { type Problem, problemOf, subjectOf } from './problem.ts';
import { SERVER_PATHS, type ServerPaths } from './server-paths.ts';

/** Makes a problem document of everything that is thrown. */
@Catch()
export class Problems implements ExceptionFilter {
  readonly #authenticator: Authenticator;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #paths: ServerPaths;

  constructor(
    @Inject(Authenticator) authenticator: Authenticator,
    @Inject(LOG) log: Log,
    @Inject(CLOCK) clock: Clock,
    @Inject(SERVER_PATHS) paths: ServerPaths,
  ) {
    this.#authenticator = authenticator;
    this.#log = log;
    this.#clock = clock;
    this.#paths = paths;
  }

  async catch(thrown: unknown, host: ArgumentsHost): Promise<void> {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const error = isNoRoute(thrown) ? await this.#noRoute(request) : thrown;
    const problem = problemOf(error, {
      clock: this.#clock,
      subject: subjectOf(request),
      paths: this.#paths,
    });
    if (problem.fault !== undefined)
      this.#log({
        level: 'error',
        msg: String(
          problem.fault instanceof Error
            ? (problem.fault.stack ?? problem.fault.message)
            : problem.fault,
        ),
        instance: problem.body.instance,
        code: problem.body.code,
      });
    send(problem, reply);
  }

  /** Who says nothing of who they are does not learn what is here and what is not. */
  async #noRoute(request: FastifyRequest): Promise<unknown> {
    return await this.#authenticator.authenticate(credentialsOf(request), request.ip).then(
      (caller) =>
        caller
          ? new ServerError(
              'ERR_SERVER_NOT_FOUND',
              `there is no route ${subjectOf(request)}: look at /docs`,
            )
          : missingCredential(request),
      (error: unknown) => error,
    );
  }
}

export function send({ status, headers, body }: Problem, reply: FastifyReply): void {
  if (reply.sent) return;
  // The gatekeeper says it of routes that people look at.
  const asked = reply.getHeader('www-authenticate');
  void reply
    .status(status)
    .headers({
      'cache-control': 'no-store',
      ...headers,
      ...(asked === undefined ? {} : { 'www-authenticate': asked }),
    })
    .type('application/problem+json')
    .send(JSON.stringify(body));
}

function isNoRoute(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'getStatus' in error &&
    typeof error.getStatus === 'function' &&
    error.getStatus() === 404
  );
}
