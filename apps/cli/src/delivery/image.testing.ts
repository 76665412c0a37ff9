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

/** Everything that a container is started from. */
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
  /**
   * The checkout; files that are not in git, or that the Dockerfile's .dockerignore names, are left
   * out.
   */
  readonly context: string;
  /** The folder of the stages. */
  readonly folder: string;
  /** Called instead of a RUN line, by its text, with the folder in which the line would run. */
  readonly instead?: Readonly<Record<string, (workdir: string) => Promise<void>>>;
  /** The files that are mounted for `--mount=type=cache` and `--mount=type=secret`, by target. */
  readonly mounted?: Readonly<Record<string, string>>;
}

/**
 * Executes the instructions of a Dockerfile, without a container engine.
 * @throws Error at an unknown instruction, and at one that fails
 */
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
    if (stage === undefined) throw new Error(`${line.toString()} is before FROM`);
    const name = [...stages].find(([, candidate]) => candidate === stage)![0];
    stage = await execute(stage, line, {
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

interface BuildContext {
  readonly stages: ReadonlyMap<string, Image>;
  readonly instead: NonNullable<ImageOptions['instead']>;
  readonly mounted: NonNullable<ImageOptions['mounted']>;
  readonly context: string;
  readonly ignored: string;
}

async function execute(stage: Image, line: Instruction, context: BuildContext): Promise<Image> {
  const words = line.getArguments().map((argument) => argument.getValue());
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
              .map((property) => [property.getName(), property.getValue() ?? '']),
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
      await copy(stage, line as Copy, words, context);
      return stage;
    case 'RUN':
      await step(stage, line as JSONInstruction, context);
      return stage;
    default:
      throw new Error(`${line.getKeyword()} is not supported: ${line.toString()}`);
  }
}

/** Parses the form without a shell. */
function listOf(text: string | null | undefined): readonly string[] {
  return JSON.parse(text ?? '') as readonly string[];
}

async function copy(
  { system, workdir }: Image,
  line: Copy,
  words: readonly string[],
  { stages, context, ignored }: BuildContext,
): Promise<void> {
  const [source, target] = words as readonly [string, string];
  const place = outside(system, resolve(workdir, target));
  const from = line.getFromFlag()?.getValue();
  if (from) {
    await mkdir(place, { recursive: true });
    // Hard links are safe: a stage is not changed after it was copied from.
    await run('cp', ['-al', `${outside(stages.get(from)!.system, source)}/.`, place]);
    return;
  }
  const isIgnored = ignore(await readFile(ignored, 'utf8'));
  const { stdout } = await run(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', '-z'],
    { cwd: context, maxBuffer: 1e8 },
  );
  for (const file of stdout.split('\0').filter((path) => path !== '' && !isIgnored(path))) {
    await mkdir(dirname(join(place, file)), { recursive: true });
    await cp(join(context, file), join(place, file));
  }
}

/**
 * Returns whether a file is ignored: the last pattern that matches it, or a folder above it,
 * decides; `!` includes it.
 */
function ignore(text: string): (file: string) => boolean {
  const patterns = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((pattern) => ({
      out: !pattern.startsWith('!'),
      fits: new RegExp(
        `^${pattern
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
  { instead, mounted }: BuildContext,
): Promise<void> {
  const text = line.getArgumentsContent() ?? '';
  const replacement = instead[text];
  if (replacement) return await replacement(outside(system, workdir));
  const targets = line.getFlags().map((flag) => /target=([^,]+)/.exec(flag.toString())?.[1] ?? '');
  const { command, args } = await contained(system, {
    command: ['/bin/sh', '-c', text],
    env: { HOME: '/root', ...env },
    cwd: workdir,
    mounted: Object.fromEntries(targets.map((target) => [target, mounted[target]!])),
  });
  await run(command, args, { maxBuffer: 1e8, timeout: 400_000 });
}
