import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { InUse, StandInTargetSubject, TargetTrouble } from '@acmex/deploy/contract';
import { temporaryFolder } from '@acmex/services';

interface Container {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  isRunning: boolean;
  /** The signals and restarts that it got. */
  readonly events: string[];
}

/** The API of a Docker Engine on a UNIX socket, and a folder that its containers have mounted. */
export interface DockerStandIn
  extends AsyncDisposable, Pick<StandInTargetSubject, 'inUse' | 'trouble'> {
  readonly socket: string;
  readonly folder: string;
  /** The first one reads the certificate of `a.test` at its start and at each SIGHUP. */
  readonly containers: readonly [Container, Container, Container];
}

/**
 * Starts the calls of the Engine API that the target uses, as strict as its reference: unknown
 * paths, filters, signals and containers are refused.
 */
export async function startDockerStandIn(): Promise<DockerStandIn> {
  const files = await temporaryFolder('docker');
  const [socket, folder] = [join(files.path, 'docker.sock'), files.path];
  const containers = [
    container('a', 'proxy', { 'acmex.reload': 'proxy', tier: 'web' }),
    container('b', 'mail', { 'acmex.reload': 'mail', tier: 'web' }),
    container('c', 'old', { 'acmex.reload': 'old' }),
  ] as const;
  containers[2].isRunning = false;
  let trouble: TargetTrouble | undefined;
  let begin = 0;
  let count = 0;
  let inUse: InUse | undefined;
  const load = () => {
    const [chain, key] = [join(folder, 'a.test.pem'), join(folder, 'a.test.key')];
    if (existsSync(chain))
      inUse = { chain: readFileSync(chain, 'utf8'), privateKey: readFileSync(key, 'utf8') };
  };
  const server = createServer((request, response) => {
    count += 1;
    const now = count > begin ? trouble : undefined;
    if (now === 'silence') return;
    if (now === 'not-json') return void response.end('<html>down for maintenance</html>');
    if (now === 'credentials') return answer(response, 403, 'authorization denied by plugin');
    if (now === 'server-error') return answer(response, 500, 'server error');
    if (now === 'refusal' && request.method === 'POST')
      return answer(response, 409, `container is paused: ${request.url}`);
    const lost = now === 'lost-answer' && request.method === 'POST';
    routed(request, lost ? undefined : response, { containers, load });
    if (lost) answer(response, 500, 'server error');
  });
  await once(server.listen(socket), 'listening');
  return {
    socket,
    folder,
    containers,
    inUse: async () => inUse,
    trouble(kind, { after = 0 } = {}) {
      trouble = kind;
      begin = count + after;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      await files[Symbol.asyncDispose]();
    },
  };
}

function container(letter: string, name: string, labels: Container['labels']): Container {
  return { id: letter.repeat(64), name, labels, isRunning: true, events: [] };
}

function answer(response: ServerResponse | undefined, status: number, message?: string): void {
  response?.writeHead(status, { 'content-type': 'application/json' });
  response?.end(message === undefined ? undefined : JSON.stringify({ message }));
}

function routed(
  { method, url = '' }: IncomingMessage,
  response: ServerResponse | undefined,
  { containers, load }: { readonly containers: readonly Container[]; readonly load: () => void },
): void {
  const { pathname, searchParams } = new URL(url, 'http://engine');
  if (method === 'GET' && pathname === '/containers/json') {
    const matching = filtered(containers, searchParams.get('filters') ?? '{}');
    if (!matching) return answer(response, 400, 'invalid filter');
    const list = matching.map(({ id, name, labels }) => ({
      ...{ Id: id, Names: [`/${name}`], Labels: labels, State: 'running' },
    }));
    return void response?.end(JSON.stringify(list));
  }
  const [, id, call] = /^\/containers\/([^/]+)\/(kill|restart)$/.exec(pathname) ?? [];
  if (method !== 'POST' || id === undefined) return answer(response, 404, 'page not found');
  const chosen = containers.find((entry) => entry.id === id || entry.name === id);
  if (!chosen) return answer(response, 404, `No such container: ${id}`);
  if (call === 'kill') {
    const signal = searchParams.get('signal') ?? 'SIGKILL';
    if (!/^SIG(HUP|USR1|USR2|TERM|KILL)$/.test(signal))
      return answer(response, 400, `invalid signal: ${signal}`);
    if (!chosen.isRunning) return answer(response, 409, `container ${id} is not running`);
    chosen.events.push(signal);
  } else chosen.events.push('restart');
  if (chosen === containers[0]) load();
  answer(response, 204);
}

/** Returns the running containers with these labels; undefined for filters that are not known. */
function filtered(
  containers: readonly Container[],
  text: string,
): readonly Container[] | undefined {
  const {
    status = ['running'],
    label = [],
    ...unknown
  } = JSON.parse(text) as Record<string, string[] | undefined>;
  if (Object.keys(unknown).length > 0 || status.join() !== 'running') return undefined;
  return containers.filter(
    ({ isRunning, labels }) =>
      isRunning &&
      label.every((wanted) => {
        const [name = '', ...value] = wanted.split('=');
        return value.length === 0 ? name in labels : labels[name] === value.join('=');
      }),
  );
}
