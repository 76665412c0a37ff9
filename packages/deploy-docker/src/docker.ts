import type { Clock } from '@acmex/clock';
import {
  DeployError,
  type DeployTarget,
  type FilePaths,
  filesTarget,
  localFiles,
  type Permissions,
  targetApi,
  type TargetApi,
  type TargetCallOptions,
} from '@acmex/deploy';
import { socketFetch } from './socket-fetch.ts';

/**
 * Exactly one of `container` and `label` is needed. The paths are those of this machine, absolute;
 * `{name}` is replaced by the name of the certificate.
 */
export interface DockerOptions extends FilePaths, Pick<Permissions, 'owner' | 'group'> {
  /** The name of the container. */
  readonly container?: string | undefined;
  /** A label of the containers: `NAME` or `NAME=VALUE`. */
  readonly label?: string | undefined;
  /** What the containers get; `signal` by default. */
  readonly action?: 'signal' | 'restart' | undefined;
  /** `SIGHUP` by default. */
  readonly signal?: string | undefined;
  /** The socket of the engine; `/var/run/docker.sock` by default. */
  readonly socket?: string | undefined;
  readonly clock?: Clock;
}

/** The engine waits 10 seconds, or as long as the container says, before it kills a container. */
const requestLimit = 'PT2M';

/**
 * Writes certificates to files of this machine, and lets running containers read them, by a signal
 * or a restart.
 * @see https://docs.docker.com/reference/api/engine/
 * @throws RangeError where not exactly one of `container` and `label` is there, or an option is not
 * valid
 */
export function docker(options: DockerOptions): DeployTarget {
  const { certPath, keyPath, chainPath, leafPath, combinedPath, owner, group, clock } = options;
  assertOptions(options);
  const api = targetApi({
    target: 'docker',
    baseUrl: 'http://engine',
    fetch: socketFetch(options.socket ?? '/var/run/docker.sock'),
    limit: requestLimit,
    ...(clock ? { clock } : {}),
  });
  const files = filesTarget('docker', {
    paths: { certPath, keyPath, chainPath, leafPath, combinedPath },
    open: async () => localFiles({ owner, group }),
    async reload(call) {
      const ids = await runningContainers(api, options, call);
      for (const id of ids) await reload(api, id, options, call);
    },
  });
  return {
    ...files,
    async stage(bundle, stageOptions) {
      // Where no container runs, nothing is written that a roll-back would have to undo.
      await runningContainers(api, options, stageOptions);
      return await files.stage(bundle, stageOptions);
    },
  };
}

function assertOptions({ container, label, action, signal }: DockerOptions): void {
  if ((container === undefined) === (label === undefined))
    throw new RangeError('write either container or label, so that it is clear what is reloaded');
  if (container !== undefined && !/^[a-zA-Z0-9][\w.-]*$/.test(container))
    throw new RangeError(`${JSON.stringify(container)} is not the name of a container`);
  if (label !== undefined && !/^[^=\s]+(?:=.*)?$/.test(label))
    throw new RangeError(
      `${JSON.stringify(label)} is not a label: write it as acmex.reload or acmex.reload=proxy`,
    );
  if (signal !== undefined && action === 'restart')
    throw new RangeError('a restart sends no signal of its own: remove signal, or the restart');
  if (signal !== undefined && !/^(?:[A-Z]+[A-Z\d+-]*|[1-9]\d?)$/.test(signal))
    throw new RangeError(`${JSON.stringify(signal)} is not a signal: write it as SIGHUP`);
}

/**
 * Returns the ids of the containers that run.
 * @throws DeployError `ERR_DEPLOY_REFUSED` where none does
 */
async function runningContainers(
  api: TargetApi,
  { container, label }: DockerOptions,
  { signal }: TargetCallOptions,
): Promise<readonly string[]> {
  const filters = { status: ['running'], ...(label === undefined ? {} : { label: [label] }) };
  const query = encodeURIComponent(JSON.stringify(filters));
  const path = `/containers/json?filters=${query}`;
  const { body } = await api({ method: 'GET', path, signal });
  const ids = listedIn(body)
    .filter(({ names }) => container === undefined || names.includes(`/${container}`))
    .map(({ id }) => id);
  if (ids.length > 0) return ids;
  throw new DeployError(
    'ERR_DEPLOY_REFUSED',
    `docker: no container runs that ${container === undefined ? `has the label ${label}` : `is named ${container}`}: start it, or correct the table of the target`,
  );
}

interface Listed {
  readonly id: string;
  readonly names: readonly unknown[];
}

function listedIn(body: unknown): readonly Listed[] {
  if (!Array.isArray(body)) throw unexpected();
  return body.map((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null) throw unexpected();
    const { Id: id, Names: names } = entry as { readonly Id?: unknown; readonly Names?: unknown };
    if (typeof id !== 'string' || !/^[\da-f]{12,64}$/.test(id)) throw unexpected();
    return { id, names: Array.isArray(names) ? names : [] };
  });
}

function unexpected(): DeployError {
  return new DeployError(
    'ERR_DEPLOY_UNREACHABLE',
    'docker: the answer is not that of a Docker Engine: check socket',
  );
}

async function reload(
  api: TargetApi,
  id: string,
  { action = 'signal', signal: name = 'SIGHUP' }: DockerOptions,
  { signal }: TargetCallOptions,
): Promise<void> {
  const call = action === 'restart' ? 'restart' : `kill?signal=${encodeURIComponent(name)}`;
  await api({ method: 'POST', path: `/containers/${id}/${call}`, json: false, signal });
}
