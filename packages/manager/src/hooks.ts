import type { DurationInput } from '@acmex/clock';
import { hookEnvironment, hooksIn, runHook, trustedProgram } from '@acmex/deploy';
import { errorText } from '@acmex/errors';
import type { ManagedCertificate } from '@acmex/orchestrator';

/** Variables of an environment, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A program and its arguments. */
export type Argv = readonly [string, ...string[]];

/** The programs that run with renewals. */
export interface HookPrograms {
  /** Runs once before the first order of a run. */
  readonly before?: Argv | undefined;
  /** Runs for every new certificate that has no deploy hook of its own. */
  readonly deploy?: Argv | undefined;
  /** Runs once after a run that renewed something. */
  readonly after?: Argv | undefined;
  /** Runs for every certificate that could not be renewed. */
  readonly onError?: Argv | undefined;
  /** Folder of programs that all run for every new certificate. */
  readonly directory?: string | undefined;
  /** How long one hook may take; 120 seconds by default. */
  readonly limit?: DurationInput | undefined;
}

/** Runs the hooks of one run after the other. Hooks of the run as a whole run once in it. */
export interface RunHooks {
  /**
   * Returns the programs to run for a new certificate: the general one unless it has its own, and
   * those of the folder.
   */
  forCertificate(options: {
    readonly hasDeployHook: boolean;
  }): Promise<readonly (readonly string[])[]>;
  /** The `after` program of certificates that name none. */
  readonly afterProgram: Argv | undefined;
  readonly limit: DurationInput;
  /** Whether a program runs before the first order. */
  readonly hasBefore: boolean;
  /** Whether no program runs at all. */
  readonly isEmpty: boolean;
  /** Runs `before`, once in a run. */
  before(options: HookOptions): Promise<void>;
  /** Runs one `after` program. */
  runAfter(argv: readonly string[], options: HookOptions): Promise<void>;
  /**
   * Ends a run: runs `after` where `before` ran and `after` did not, also if nothing was renewed.
   */
  after(options: HookOptions): Promise<void>;
  /** Runs `onError` for a certificate that could not be renewed. */
  onError(certificate: ManagedCertificate, error: unknown, options: HookOptions): Promise<void>;
  /**
   * Checks that only root and this user can change the programs.
   * @throws DeployError `ERR_DEPLOY_UNSAFE`, `ERR_DEPLOY_HOOK`
   */
  check(): Promise<void>;
}

interface HookOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Creates the hooks of a manager.
 * @param environment its `PATH` and a few other variables are passed to the programs
 */
export function runHooks(programs: HookPrograms, environment: Environment): RunHooks {
  const { before, deploy, after, onError, directory, limit = { seconds: 120 } } = programs;
  let beforeRun: Promise<unknown> | undefined;
  let hasRunAfter = false;
  const run = async (
    argv: readonly string[],
    env: Readonly<Record<string, string>>,
    { signal }: HookOptions,
  ) => await runHook(argv, { env, limit, signal });
  return {
    afterProgram: after,
    hasBefore: before !== undefined,
    isEmpty: ![before, deploy, after, onError, directory].some((hook) => hook !== undefined),
    limit,
    async runAfter(argv, options) {
      if (isSameArgv(argv, after)) hasRunAfter = true;
      await run(argv, hookEnvironment('after', { environment }), options);
    },
    async forCertificate({ hasDeployHook }) {
      return [
        ...(deploy && !hasDeployHook ? [deploy] : []),
        ...(directory === undefined ? [] : await hooksIn(directory)).map((program) => [program]),
      ];
    },
    async before(options) {
      if (!before) return;
      beforeRun ??= run(before, hookEnvironment('before', { environment }), options);
      await beforeRun;
    },
    async after(options) {
      const isOpen = beforeRun !== undefined && !hasRunAfter;
      beforeRun = undefined;
      hasRunAfter = false;
      if (isOpen && after) await run(after, hookEnvironment('after', { environment }), options);
    },
    async onError(certificate, error, options) {
      if (!onError) return;
      const bundle = bundleOf(certificate);
      const env = { bundle, environment, error: toSingleLine(error) };
      await run(onError, hookEnvironment('on_error', env), options);
    },
    async check() {
      for (const argv of [before, deploy, after, onError])
        if (argv) await trustedProgram(argv[0], environment.PATH);
      if (directory !== undefined) await hooksIn(directory);
    },
  };
}

function bundleOf({ id, names, current }: ManagedCertificate) {
  return {
    id,
    names,
    serialNumber: current?.serialNumber ?? '',
    notAfter: current?.notAfter ?? '',
    chain: '',
    privateKey: undefined,
  };
}

function isSameArgv(argv: readonly string[], program: readonly string[] | undefined): boolean {
  return JSON.stringify(argv) === JSON.stringify(program);
}

/** Removes control characters: the text may come from a server. */
function toSingleLine(error: unknown): string {
  return errorText(error)
    .replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
    .slice(0, 2000);
}
