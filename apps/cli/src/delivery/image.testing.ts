import { execFile } from 'node:child_process';
import { cp, mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import {
  type Copy,
  DockerfileParser,
  type From,
  type Instruction,
  type JSONInstruction,
  type PropertyInstruction,
} from 'dockerfile-ast';
import { contained, type FileSystem, fileSystem, outside } from './file-system.testing.ts';

const run = promisify(execFile);

/** What a container is started from. */
export interface Image {
  readonly system: FileSystem;
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  readonly user: string;
  readonly volumes: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly healthcheck: readonly string[];
}

export interface ImageOptions {
  readonly dockerfile: string;
  /** The checkout; what is not in git, or what the Dockerfile's own .dockerignore names, is not in the build. */
  readonly context: string;
  /** Where the stages are put. */
  readonly folder: string;
  /** Done in place of a RUN line, by its text; it gets the folder that the line would have run in. */
  readonly instead?: Readonly<Record<string, (workdir: string) => Promise<void>>>;
  /** What is mounted for `--mount=type=cache` and `--mount=type=secret`, by target. */
  readonly mounted?: Readonly<Record<string, string>>;
}

/** Carries a Dockerfile out line by line, where no engine runs. @throws Error at a line that it does not know, and at one that fails */
export async function image({
  dockerfile,
  context,
  folder,
  instead = {},
  mounted = {},
}: ImageOptions): Promise<Image> {
  const stages = new Map<string, Image>();
  let stage: Image | undefined;
  for (const line of DockerfileParser.parse(await readFile(dockerfile, 'utf8')).getInstructions()) {
    if (line.getKeyword() === 'FROM') {
      const name = (line as From).getBuildStage() ?? 'last';
      stage = {
        system: await fileSystem(join(folder, name)),
        env: {},
        workdir: '/',
        user: '0:0',
        volumes: [],
        entrypoint: [],
        cmd: [],
        healthcheck: [],
      };
      stages.set(name, stage);
      continue;
    }
    if (stage === undefined) throw new Error(`${line.toString()} stands before FROM`);
    const name = [...stages].find(([, one]) => one === stage)![0];
    stage = await carriedOut(stage, line, {
      stages,
      instead,
      mounted,
      context,
      ignored: `${dockerfile}.dockerignore`,
    });
    stages.set(name, stage);
  }
  if (stage === undefined) throw new Error(`${dockerfile} has no FROM`);
  return stage;
}

interface Around {
  readonly stages: ReadonlyMap<string, Image>;
  readonly instead: NonNullable<ImageOptions['instead']>;
  readonly mounted: NonNullable<ImageOptions['mounted']>;
  readonly context: string;
  readonly ignored: string;
}

async function carriedOut(stage: Image, line: Instruction, around: Around): Promise<Image> {
  const words = line.getArguments().map((one) => one.getValue());
  switch (line.getKeyword()) {
    case 'WORKDIR':
      await mkdir(outside(stage.system, words[0]!), { recursive: true });
      return { ...stage, workdir: words[0]! };
    case 'ENV':
      return {
        ...stage,
        env: {
          ...stage.env,
          ...Object.fromEntries(
            (line as PropertyInstruction)
              .getProperties()
              .map((one) => [one.getName(), one.getValue() ?? '']),
          ),
        },
      };
    case 'USER':
      return { ...stage, user: words[0]! };
    case 'VOLUME':
      return { ...stage, volumes: [...stage.volumes, ...words] };
    case 'EXPOSE':
      return stage;
    case 'ENTRYPOINT':
      return { ...stage, entrypoint: listOf(line.getArgumentsContent()) };
    case 'CMD':
      return { ...stage, cmd: listOf(line.getArgumentsContent()) };
    case 'HEALTHCHECK':
      return { ...stage, healthcheck: listOf(line.getArgumentsContent()?.replace(/^CMD /, '')) };
    case 'COPY':
      await copy(stage, line as Copy, words, around);
      return stage;
    case 'RUN':
      await step(stage, line as JSONInstruction, around);
      return stage;
    default:
      throw new Error(`${line.getKeyword()} is not known here: ${line.toString()}`);
  }
}

/** The form without a shell. */
function listOf(text: string | null | undefined): readonly string[] {
  return JSON.parse(text ?? '') as readonly string[];
}

async function copy(
  { system, workdir }: Image,
  line: Copy,
  words: readonly string[],
  { stages, context, ignored }: Around,
): Promise<void> {
  const [source, target] = words as readonly [string, string];
  const place = outside(system, resolve(workdir, target));
  const from = line.getFromFlag()?.getValue();
  if (from) {
    await mkdir(place, { recursive: true });
    // A stage that is copied from is changed no more: what it has may be the same files.
    await run('cp', ['-al', `${outside(stages.get(from)!.system, source)}/.`, place]);
    return;
  }
  const isIgnored = ignore(await readFile(ignored, 'utf8'));
  const { stdout } = await run(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', '-z'],
    { cwd: context, maxBuffer: 1e8 },
  );
  for (const file of stdout.split('\0').filter((one) => one !== '' && !isIgnored(one))) {
    await mkdir(dirname(join(place, file)), { recursive: true });
    await cp(join(context, file), join(place, file));
  }
}

/** The last pattern that fits a file, or a folder above it, decides; `!` takes it in again. */
function ignore(text: string): (file: string) => boolean {
  const patterns = text
    .split('\n')
    .map((one) => one.trim())
    .filter((one) => one !== '' && !one.startsWith('#'))
    .map((one) => ({
      out: !one.startsWith('!'),
      fits: new RegExp(
        `^${one
          .replace(/^!/, '')
          .replace(/[.+^$()|[\]{}\\]/g, '\\$&')
          .replaceAll('**/', '\0')
          .replaceAll('*', '[^/]*')
          .replaceAll('\0', '(.*/)?')}(/.*)?$`,
      ),
    }));
  return (file) => patterns.findLast(({ fits }) => fits.test(file))?.out ?? false;
}

async function step(
  { system, workdir, env }: Image,
  line: JSONInstruction,
  { instead, mounted }: Around,
): Promise<void> {
  const text = line.getArgumentsContent() ?? '';
  const other = instead[text];
  if (other) return await other(outside(system, workdir));
  const targets = line.getFlags().map((flag) => /target=([^,]+)/.exec(flag.toString())?.[1] ?? '');
  const { command, args } = await contained(system, {
    command: ['/bin/sh', '-c', text],
    env: { HOME: '/root', ...env },
    cwd: workdir,
    mounted: Object.fromEntries(targets.map((target) => [target, mounted[target]!])),
  });
  await run(command, args, { maxBuffer: 1e8, timeout: 400_000 });
}
