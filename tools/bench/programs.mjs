// What a whole process costs that obtains one certificate from nothing, beside lego and certbot.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { byTurns } from './figures.mjs';
import { inRounds, root } from './prepare.mjs';

export const title = 'Whole programs';
const exec = promisify(execFile);
const name = 'name.test';
const email = 'admin@bench.test';
const acmex = join(root, 'apps/cli/bin/acmex.mjs');
const left = {};

/** Each obtains a certificate with the webroot of a running server, and returns its file. */
const programs = {
  acmex: ({ directory, ca, webroot, folder }) => ({
    command: [
      ...[process.execPath, acmex, 'obtain', '--domains', name, '--webroot', webroot],
      ...['--server', directory, '--ca-certificate', ca, '--email', email, '--accept-tos'],
      ...['--storage', `file:${join(folder, 'storage')}`],
      ...['--cert-path', join(folder, 'certificate.pem'), '--key-path', join(folder, 'key.pem')],
    ],
    file: join(folder, 'certificate.pem'),
  }),
  lego: ({ directory, ca, webroot, folder }) => ({
    command: [
      ...['lego', '--server', directory, '--accept-tos', '--email', email, '--path', folder],
      ...['--domains', name, '--http', '--http.webroot', webroot, 'run'],
    ],
    env: { LEGO_CA_CERTIFICATES: ca },
    file: join(folder, 'certificates', `${name}.crt`),
  }),
  certbot: ({ directory, ca, webroot, folder }) => ({
    command: [
      ...['certbot', 'certonly', '--webroot', '--webroot-path', webroot, '-d', name],
      ...['--server', directory, '--agree-tos', '--email', email, '--no-eff-email'],
      ...['--config-dir', join(folder, 'etc'), '--work-dir', join(folder, 'work')],
      ...['--logs-dir', join(folder, 'log'), '--non-interactive'],
    ],
    env: { REQUESTS_CA_BUNDLE: ca },
    file: join(folder, 'etc/live', name, 'fullchain.pem'),
  }),
};

export async function measure(bench) {
  await exec(process.execPath, [join(root, 'apps/cli/build.mjs')], { cwd: join(root, 'apps/cli') });
  const folder = await mkdtemp(join(root, 'tmp', 'bench-programs-'));
  const webroot = join(folder, 'webroot');
  const web = await serving(webroot);
  const pebble = await bench.startPebble({ httpPort: web.address().port });
  try {
    const ca = { directory: pebble.directory, ca: pebble.caFile, webroot };
    const obtain = async (program) => await obtained(program, ca, folder);
    for (const program of Object.values(programs)) await obtain(program);
    const rounds = await inRounds(bench.rounds, async () => await byTurns(programs, obtain));
    return { title, text: describeMeasurement(), rows: rowsOf(rounds), tables: [], left };
  } finally {
    await pebble[Symbol.asyncDispose]();
    web.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs a program with an empty folder. @returns its milliseconds */
async function obtained(program, ca, parent) {
  const folder = await mkdtemp(join(parent, 'run-'));
  const { command, env, file } = program({ ...ca, folder });
  const { stderr } = await exec(
    'bash',
    ['-c', 'TIMEFORMAT="%U %S %R"; time "$@" >"$0" 2>&1', join(folder, 'output'), ...command],
    { env: { PATH: process.env.PATH, HOME: folder, LC_ALL: 'C', ...env }, timeout: 60_000 },
  ).catch(async (error) => {
    throw new Error(await readFile(join(folder, 'output'), 'utf8'), { cause: error });
  });
  if (!(await readFile(file, 'utf8')).includes('BEGIN CERTIFICATE'))
    throw new Error(`${command[0]} wrote no certificate`);
  const [user, system, wall] = stderr
    .trim()
    .split(' ')
    .map((seconds) => Number(seconds) * 1000);
  return { cpu: user + system, wall };
}

/** Answers http-01 from the files of the programs. */
async function serving(webroot) {
  const challenges = join(webroot, '.well-known/acme-challenge');
  await mkdir(challenges, { recursive: true });
  const server = createServer((request, response) => {
    readFile(join(challenges, basename(request.url))).then(
      (content) => response.end(content),
      () => response.writeHead(404).end(),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function rowsOf(rounds) {
  const of = (program, figure) => rounds.map((round) => round[program][figure]);
  const figures = { cpu: 'processor time', wall: 'wall time' };
  return Object.entries(figures).flatMap(([figure, text]) =>
    ['lego', 'certbot'].map((peer) => ({
      figure: `${text} of \`acmex obtain\` beside ${peer}`,
      unit: 'ms',
      ours: of('acmex', figure),
      peer: { name: peer, figures: of(peer, figure) },
      goals: [],
    })),
  );
}

function describeMeasurement() {
  return "A whole process that makes an account and obtains a certificate of one name by http-01 with the webroot of a running web server, from an empty folder: `acmex obtain`, and Debian's lego, a program of Go, and certbot, a program of Python. User and system time, and wall time, with the start of the program. They take turns at one Pebble, after one run each that does not count; a figure is the mean of two turns.";
}
