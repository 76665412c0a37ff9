import type { Clock } from '@acmex/clock';
import {
  type Bundle,
  DeployError,
  deployFiles,
  type Deployed,
  hookEnvironment,
  probe,
  runHook,
  servedSerialNumber,
} from '@acmex/deploy';
import { errorCode } from '@acmex/errors';
import type { Log } from '@acmex/server';
import { pauseAfter } from './backoff.ts';
import type { Available } from './available.ts';
import { verifiedBundle } from './bundle.ts';
import type { InstalledCertificates } from './installed.ts';
import { ServerFault, type Servers } from './servers.ts';
import { told } from './telling.ts';

export interface UsingOptions {
  readonly servers: Servers;
  readonly installed: InstalledCertificates;
  /** Absolute. */
  readonly directory: string;
  readonly hook: readonly string[] | undefined;
  readonly probe: { readonly host: string; readonly port: number } | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** How a certificate stands on this host. */
export interface Standing {
  readonly id: string;
  readonly serialNumber?: string | undefined;
  readonly evidence?: 'probe' | 'files' | undefined;
  readonly changed: boolean;
  readonly error?: unknown;
}

interface Failed {
  readonly serialNumber: string;
  readonly failures: number;
  /** On the monotonic clock. */
  readonly again: number;
  readonly error: unknown;
}

/** Puts certificates where they are used: files, hook, probe. What fails is tried again later and rarer, and at once with another certificate. */
export class Using {
  readonly #options: UsingOptions;
  readonly #failed = new Map<string, Failed>();
  /** What the last look at the place found wrong: it is said once. */
  readonly #seen = new Map<string, string | undefined>();

  constructor(options: UsingOptions) {
    this.#options = options;
  }

  /** Forgets that something is to be tried later. */
  hurry(): void {
    for (const [id, failed] of this.#failed) this.#failed.set(id, { ...failed, again: -Infinity });
  }

  /** Fetches what is another, writes it, and runs the hook for it once. @throws ServerFault where no server does what it should */
  async use(one: Available): Promise<Standing> {
    const { installed, log, clock, random, signal } = this.#options;
    const before = this.#failed.get(one.id);
    const same = before?.serialNumber === one.serialNumber;
    if (before && same && before.again > clock.monotonic())
      return this.#standing(one, false, before.error);
    try {
      const changed = await this.#put(one);
      this.#failed.delete(one.id);
      return this.#standing(one, changed);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ServerFault && error.code !== 'ERR_CLI_SERVER_REFUSED') throw error;
      const failures = (same ? before.failures : 0) + 1;
      const pause = pauseAfter({ failures, first: 30_000, most: 3_600_000, random: random() });
      this.#failed.set(one.id, {
        serialNumber: one.serialNumber,
        failures,
        again: clock.monotonic() + pause,
        error,
      });
      log({
        level: 'error',
        msg: `${one.names[0] ?? ''}: ${told(error)}; what was in use stays, again in ${Math.ceil(pause / 1000)} seconds`,
        certificate: one.id,
        serial: one.serialNumber,
        code: errorCode(error),
        held: installed.get(one.id)?.serialNumber,
      });
      return this.#standing(one, false, error);
    }
  }

  /** Looks where it is served. After a change the server has time to read its files again. */
  async look(one: Available, { changed, error, ...standing }: Standing): Promise<Standing> {
    const { probe: place, clock, signal, log, installed } = this.#options;
    const held = installed.get(one.id);
    if (!place) return { ...standing, changed, error };
    const at = { ...place, serverName: serverName(one, place.host), clock, signal };
    const shown =
      error === undefined && changed && held
        ? await probe(held.serialNumber, at).then(
            () => undefined,
            (thrown: unknown) => thrown,
          )
        : undefined;
    const seen = await servedSerialNumber(at).catch(() => undefined);
    signal.throwIfAborted();
    const failure =
      error ??
      shown ??
      (seen === held?.serialNumber
        ? undefined
        : new DeployError(
            'ERR_DEPLOY_PROBE',
            `${place.host}:${place.port} does not show the certificate ${held?.serialNumber ?? ''}: ${seen === undefined ? 'nothing speaks TLS there' : `it shows ${seen}`}`,
          ));
    const words = error === undefined && failure !== undefined ? told(failure) : undefined;
    if (words !== undefined && words !== this.#seen.get(one.id))
      log({
        level: 'error',
        msg: `${one.names[0] ?? ''}: ${words}`,
        certificate: one.id,
        code: errorCode(failure),
      });
    this.#seen.set(one.id, words);
    return {
      ...standing,
      serialNumber: seen,
      evidence: seen === undefined ? undefined : 'probe',
      changed,
      error: failure,
    };
  }

  /** @returns whether there was something to do */
  async #put(one: Available): Promise<boolean> {
    const { servers, installed, directory, hook, environment, log, clock, signal } = this.#options;
    const name = installed.nameOf(one.id, one.names);
    let held = installed.get(one.id);
    let bundle = held && (await installed.bundle(name, one));
    let paths: Deployed['paths'] = installed.paths(name);
    let changed = false;
    if (!held || !bundle || bundle.serialNumber !== one.serialNumber) {
      bundle = await this.#fetched(servers, one);
      ({ paths } = await deployFiles({ directory, name }, bundle));
      held = { name, serialNumber: bundle.serialNumber, used: held?.used };
      await installed.set(one.id, held);
      changed = true;
      log({
        level: 'info',
        msg: `${one.names[0] ?? ''}: ${bundle.serialNumber} lies in ${paths.lineage ?? directory}, valid until ${bundle.notAfter}`,
        certificate: one.id,
        serial: bundle.serialNumber,
      });
    }
    if (held.used === held.serialNumber) return changed;
    if (hook) {
      await runHook(hook, {
        env: hookEnvironment('deploy', { bundle, paths, environment }),
        clock,
        signal,
      });
      log({
        level: 'info',
        msg: `${one.names[0] ?? ''}: the hook has ended well`,
        certificate: one.id,
        serial: held.serialNumber,
      });
    }
    await installed.set(one.id, { ...held, used: held.serialNumber });
    return true;
  }

  async #fetched(servers: Servers, one: Available): Promise<Bundle> {
    const { clock, signal } = this.#options;
    const { text } = await servers.ask(`/api/certificates/${one.id}/bundle`, { signal });
    return await verifiedBundle(text, one, { clock });
  }

  /** Without a probe, what the hook was told of is what counts as served. */
  #standing({ id }: Available, changed: boolean, error?: unknown): Standing {
    const used = this.#options.installed.get(id)?.used;
    return {
      id,
      serialNumber: used,
      evidence: used === undefined ? undefined : 'files',
      changed,
      error,
    };
  }
}

/** A server may be reached by another name than those of the certificate. */
function serverName({ names }: Available, host: string): string {
  return names.includes(host)
    ? host
    : (names.find((name) => !name.startsWith('*.')) ?? names[0]?.replace('*', 'www') ?? host);
}
