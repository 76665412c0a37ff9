import { isAbsolute } from 'node:path';
import type { Clock, DurationInput } from '@acmex/clock';
import {
  DeployError,
  type DeployErrorCode,
  type DeployTarget,
  runHook,
  type TargetCallOptions,
} from '@acmex/deploy';
import { errorCode, errorText, printable } from '@acmex/errors';
import { serverTarget } from './server-target.ts';

export interface WebServerOptions {
  /**
   * Where the certificate with its chain goes; `{name}` is replaced by the name of the certificate.
   * That of a second key is beside it: `site-rsa.pem`. Absolute.
   */
  readonly fullchainPath: string;
  /**
   * Where the private key goes. By default it is in the file of the certificate, so that both change
   * in one step.
   */
  readonly keyPath?: string | undefined;
  /** Checks the configuration, with the new files in place: program and arguments. */
  readonly test?: readonly [string, ...string[]] | undefined;
  /** Lets the server read its files again: program and arguments. */
  readonly reload?: readonly [string, ...string[]] | undefined;
  /** All that the programs see of the environment: at least `PATH`. */
  readonly env: Readonly<Record<string, string>>;
  /** For one run of a program; 2 minutes by default. */
  readonly limit?: DurationInput | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * Deploys certificates to nginx on this machine. `test` is `nginx -t` by default, `reload` is
 * `nginx -s reload`.
 * @throws RangeError for a path that is not absolute
 */
export function nginx(options: WebServerOptions): DeployTarget {
  return webServer('nginx', {
    test: ['nginx', '-t'],
    reload: ['nginx', '-s', 'reload'],
    ...options,
  });
}

/**
 * Deploys certificates to the Apache HTTP Server on this machine. `test` is `apachectl configtest`
 * by default, `reload` is `apachectl graceful`, which also starts a server that has ended.
 * @throws RangeError for a path that is not absolute
 */
export function apache(options: WebServerOptions): DeployTarget {
  return webServer('apache', {
    test: ['apachectl', 'configtest'],
    reload: ['apachectl', 'graceful'],
    ...options,
  });
}

function webServer(
  name: string,
  options: WebServerOptions & Required<Pick<WebServerOptions, 'test' | 'reload'>>,
): DeployTarget {
  const { fullchainPath, keyPath, test, reload, env, limit, clock } = options;
  for (const path of [fullchainPath, keyPath ?? fullchainPath])
    if (!isAbsolute(path))
      throw new RangeError(`${JSON.stringify(path)} is not an absolute path: begin it with /`);
  const run = async (
    argv: readonly string[],
    failure: { readonly code: DeployErrorCode; readonly what: string },
    { signal }: TargetCallOptions,
  ) => {
    try {
      await runHook(argv, { env, limit, clock, signal });
    } catch (cause) {
      signal?.throwIfAborted();
      const code = errorCode(cause) === 'ERR_DEPLOY_UNSAFE' ? 'ERR_DEPLOY_UNSAFE' : failure.code;
      const reason = printable(errorText(cause));
      throw new DeployError(code, `${failure.what}: ${reason}`, { cause });
    }
  };
  const refused = {
    code: 'ERR_DEPLOY_REFUSED',
    what: 'the test of its configuration failed, and it was not reloaded',
  } as const;
  const failed = { code: 'ERR_DEPLOY_HOOK', what: 'the reload failed' } as const;
  return serverTarget({
    name,
    paths:
      keyPath === undefined
        ? { combinedPath: fullchainPath }
        : { certPath: fullchainPath, keyPath },
    check: async (_, call) => await run(test, refused, call),
    load: async (_, call) => await run(reload, failed, call),
  });
}
