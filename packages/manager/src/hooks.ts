import { hookEnvironment, hooksIn, runHook, trustedProgram } from '@acmex/deploy';
import type { ManagedCertificate } from '@acmex/orchestrator';
import type { ConfigValues, Environment } from '@acmex/config';
import { errorText } from '@acmex/errors';

/** The programs of `[renewal.hooks]`, for one run after the other: what belongs to a run as a whole runs once in it. */
export interface RunHooks {
  /** Programs for a new certificate that has none of its own; and those that run for every one. */
  forCertificate(own: boolean): Promise<readonly (readonly string[])[]>;
  /** For certificates that name none of their own. */
  readonly afterProgram: readonly string[] | undefined;
  readonly limit: { readonly seconds: number };
  /** Before the first order of a run: runs `before`, once. */
  before(options: HookOptions): Promise<void>;
  /** Runs one `after` program. */
  runAfter(argv: readonly string[], options: HookOptions): Promise<void>;
  /** At the end of a run: what `before` began is ended by `after`, also where nothing came of it. */
  after(options: HookOptions): Promise<void>;
  /** For a certificate that could not be renewed. */
  onError(certificate: ManagedCertificate, error: unknown, options: HookOptions): Promise<void>;
  /** Makes sure that nobody else can have written what will run. @throws DeployError `ERR_DEPLOY_UNSAFE`, `ERR_DEPLOY_HOOK` */
  check(): Promise<void>;
}

interface HookOptions {
  readonly signal?: AbortSignal | undefined;
}

export function runHooks(
  {
    before,
    deploy,
    after: afterProgram,
    on_error: onError,
    directory,
    timeout_secs: seconds,
  }: ConfigValues['renewal']['hooks'],
  environment: Environment,
): RunHooks {
  let begun: Promise<unknown> | undefined;
  let afterRan = false;
  const limit = { seconds };
  const run = async (
    argv: readonly string[],
    env: Readonly<Record<string, string>>,
    { signal }: HookOptions,
  ) => await runHook(argv, { env, limit, signal });
  const runAfter = async (argv: readonly string[], options: HookOptions) => {
    if (sameArgv(argv, afterProgram)) afterRan = true;
    await run(argv, hookEnvironment('after', { environment }), options);
  };
  return {
    afterProgram,
    limit,
    runAfter,
    async forCertificate(own) {
      return [
        ...(deploy && !own ? [deploy] : []),
        ...(directory === undefined ? [] : await hooksIn(directory)).map((program) => [program]),
      ];
    },
    async before(options) {
      if (before)
        await (begun ??= run(before, hookEnvironment('before', { environment }), options));
    },
    async after(options) {
      const open = begun !== undefined && !afterRan;
      begun = undefined;
      afterRan = false;
      if (open && afterProgram)
        await run(afterProgram, hookEnvironment('after', { environment }), options);
    },
    async onError({ id, names, current }, error, options) {
      if (!onError) return;
      const bundle = {
        id,
        names,
        serialNumber: current?.serialNumber ?? '',
        notAfter: current?.notAfter ?? '',
        chain: '',
        privateKey: '',
      };
      await run(
        onError,
        hookEnvironment('on_error', { bundle, environment, error: oneLine(error) }),
        options,
      );
    },
    async check() {
      for (const argv of [before, deploy, afterProgram, onError])
        if (argv) await trustedProgram(argv[0], environment.PATH);
      if (directory !== undefined) await hooksIn(directory);
    },
  };
}

export function sameArgv(one: readonly string[], other: readonly string[] | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** What a server said may be in it: control characters are taken out. */
function oneLine(error: unknown): string {
  return errorText(error)
    .replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
    .slice(0, 2000);
}
