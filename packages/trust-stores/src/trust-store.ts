import { access, mkdir } from 'node:fs/promises';
import { errorCode } from '@acmex/errors';
import { fileErrorText, removeTrustedFile, replaceFile } from '@acmex/files';
import { TrustStoresError } from './errors.ts';
import type { Programs } from './programs.ts';
import type { RootCertificate } from './root-certificate.ts';

/** The kinds of stores. Several stores can be of one kind, such as the profiles of Firefox. */
export const storeKinds = ['system', 'chrome', 'firefox', 'java'] as const;
export type StoreKind = (typeof storeKinds)[number];

/** What a store says of a root. */
export type Inspection =
  | {
      readonly state: 'trusted' | 'absent';
      /**
       * What adds the root, and what removes it and former roots of the same CA that this package
       * has added. Nothing where nothing is to be done.
       */
      readonly steps: Readonly<Record<Change, readonly Step[]>>;
    }
  | {
      /** There is no such store on this machine, or a program that it needs. */
      readonly state: 'not-available';
      readonly reason: string;
    };

/** What is done to a store. */
export type Step =
  /** Writes the root to a file, which everybody can read. */
  | { readonly kind: 'write'; readonly file: string }
  | { readonly kind: 'remove'; readonly file: string }
  /** Makes a folder, which only its owner can read. */
  | { readonly kind: 'folder'; readonly path: string }
  /** Runs a program. */
  | {
      readonly kind: 'run';
      readonly command: readonly string[];
      /** What to do where the program fails. */
      readonly cure?: string | undefined;
    };

export type Change = 'add' | 'remove';

/** A store of trusted root certificates. */
export interface TrustStore {
  readonly kind: StoreKind;
  /** What the store is, and where: `Firefox: /home/anna/.mozilla/firefox/a1b2.default`. */
  readonly title: string;
  /** Whether the user of this process cannot change it, but root can. */
  readonly needsRoot: boolean;
  /**
   * Reads whether the store trusts the root, and what would change that. Changes nothing.
   * @throws TrustStoresError `ERR_TRUST_STORES_PROGRAM` for a store that cannot be read
   */
  inspect(root: RootCertificate): Promise<Inspection>;
}

/** Returns a store that is not there. */
export function unavailableStore(
  store: Pick<TrustStore, 'kind' | 'title'>,
  reason: string,
): TrustStore {
  return {
    ...store,
    needsRoot: false,
    inspect: async () => ({ state: 'not-available', reason }),
  };
}

/** Returns a store that cannot be read: nothing is known of its roots. */
export function unreadableStore(
  store: Pick<TrustStore, 'kind' | 'title'>,
  { file, cause }: { readonly file: string; readonly cause: unknown },
): TrustStore {
  return {
    ...store,
    needsRoot: false,
    inspect: async () => {
      throw new TrustStoresError(
        'ERR_TRUST_STORES_PROGRAM',
        `${file} cannot be read: ${fileErrorText(cause)}`,
        { cause },
      );
    },
  };
}

/**
 * Changes a store, and reads afterwards whether it has changed.
 *
 * @returns whether there was anything to do; false also for a store that is not available
 * @throws TrustStoresError `ERR_TRUST_STORES_RIGHTS`, `ERR_TRUST_STORES_PROGRAM`,
 * `ERR_TRUST_STORES_UNCHANGED`
 */
export async function changeStore(
  store: TrustStore,
  change: Change,
  { root, programs }: { readonly root: RootCertificate; readonly programs: Programs },
): Promise<boolean> {
  const before = await store.inspect(root);
  if (before.state === 'not-available') return false;
  const steps = before.steps[change];
  if (steps.length === 0) {
    assertChanged(before, { store, change, root });
    return false;
  }
  if (store.needsRoot)
    throw new TrustStoresError(
      'ERR_TRUST_STORES_RIGHTS',
      `only root can change ${store.title}: run ${commandsOf(steps, store, root).join(' && ')}`,
    );
  try {
    for (const step of steps) await perform(step, root, programs);
  } catch (error) {
    // Another process may have done the same at the same time.
    const after = await store.inspect(root).catch(() => undefined);
    if (after && isChanged(after, change)) return true;
    throw error;
  }
  assertChanged(await store.inspect(root), { store, change, root });
  return true;
}

function isChanged(inspection: Inspection, change: Change): boolean {
  if (change === 'add') return inspection.state === 'trusted';
  return inspection.state === 'absent' && inspection.steps.remove.length === 0;
}

/** @throws TrustStoresError `ERR_TRUST_STORES_UNCHANGED` */
function assertChanged(
  inspection: Inspection,
  {
    store: { title },
    change,
    root: { file, certificate },
  }: { readonly store: TrustStore; readonly change: Change; readonly root: RootCertificate },
): void {
  if (isChanged(inspection, change)) return;
  throw new TrustStoresError(
    'ERR_TRUST_STORES_UNCHANGED',
    change === 'add'
      ? `${title} does not trust the root, although it was added: add ${file} with the tools of the system`
      : `${title} still trusts the root, by an entry that acmex cannot remove: remove ${certificate.fingerprint256} with the tools of the system`,
  );
}

/** Returns steps as commands for a shell; with sudo where the store needs root. */
export function commandsOf(
  steps: readonly Step[],
  { needsRoot }: Pick<TrustStore, 'needsRoot'>,
  { file }: Pick<RootCertificate, 'file'>,
): readonly string[] {
  return steps.map((step) => {
    const words = [...(needsRoot ? ['sudo'] : []), ...wordsOf(step, file)];
    return words.map(quoted).join(' ');
  });
}

function wordsOf(step: Step, rootFile: string): readonly string[] {
  switch (step.kind) {
    case 'write':
      return ['install', '-m', '0644', rootFile, step.file];
    case 'remove':
      return ['rm', step.file];
    case 'folder':
      return ['mkdir', '-p', '-m', '0700', step.path];
    case 'run':
      return step.command;
  }
}

function quoted(word: string): string {
  return /^[\w@%+=:,./\\-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

async function perform(step: Step, root: RootCertificate, programs: Programs): Promise<void> {
  if (step.kind === 'run') {
    await runOrThrow(programs, step.command, step);
    return;
  }
  const place = step.kind === 'folder' ? step.path : step.file;
  try {
    if (step.kind === 'write')
      await replaceFile(place, root.certificate.toString(), { mode: 0o644 });
    else if (step.kind === 'remove') await removeTrustedFile(place);
    else await mkdir(place, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new TrustStoresError(
      'ERR_TRUST_STORES_PROGRAM',
      `${place} cannot be changed: ${fileErrorText(cause)}`,
      { cause },
    );
  }
}

/**
 * Runs a program that must succeed.
 * @returns its output
 * @throws TrustStoresError `ERR_TRUST_STORES_PROGRAM`
 */
export async function runOrThrow(
  programs: Programs,
  command: readonly string[],
  { cure = 'correct that, and run it again' }: { readonly cure?: string | undefined } = {},
): Promise<string> {
  const { end, output, complaints } = await programs.run(command);
  if (end === 0) return output;
  const text = `${complaints}\n${output}`.trim().split('\n').slice(0, 5).join('; ');
  throw new TrustStoresError(
    'ERR_TRUST_STORES_PROGRAM',
    `${command[0] ?? ''} has failed with ${end}: ${text === '' ? 'it says nothing' : text}; ${cure}`,
  );
}

/** Reports whether something is at a path. It may be where this user is not permitted to look. */
export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    (error: unknown) => !isAbsent(error),
  );
}

/** Whether a failed access says that there is nothing at the path. */
export function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '');
}
