import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCode } from '@acmex/errors';
import { fileErrorText } from '@acmex/files';
import { CliError } from '../errors.ts';

/** A systemd unit that renews certificates, with its drop-ins. */
export interface ServiceUnit {
  /** As systemctl calls it: `acmex-server.service`. */
  readonly name: string;
  /** Returns the values of a setting of `[Service]`, in the order in which they are written. */
  values(setting: string): readonly string[];
}

/** Where systemd finds units, the first first. */
const folders = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
];

/** The units that renew, each with the pattern of what is enabled for it. */
const renewing: readonly (readonly [unit: string, enabled: RegExp])[] = [
  ['acmex-server.service', /^acmex-server\.service$/],
  ['acmex-worker@.service', /^acmex-worker@.*\.service$/],
  ['acmex-renew.service', /^acmex-renew\.timer$/],
];

/**
 * Finds the systemd unit that renews certificates: one that is enabled, else one that is installed.
 * Asks no systemd, so that it also works where none runs.
 * @param root of the file system
 * @returns undefined where there is none
 * @throws CliError `ERR_CLI_SERVICE_USER` where several have different users, or one cannot be read
 */
export async function findServiceUnit({ root = '/' }: { readonly root?: string } = {}): Promise<
  ServiceUnit | undefined
> {
  const enabled = await enabledUnits(root);
  const installed: (ServiceUnit & { readonly isEnabled: boolean })[] = [];
  for (const [name, pattern] of renewing) {
    const unit = await readUnit(name, root);
    const isEnabled = enabled.some((link) => pattern.test(link));
    if (unit) installed.push({ ...unit, isEnabled });
  }
  const inUse = installed.filter(({ isEnabled }) => isEnabled);
  const candidates = inUse.length > 0 ? inUse : installed;
  const users = new Set(candidates.map(userOf));
  if (users.size > 1)
    throw new CliError(
      'ERR_CLI_SERVICE_USER',
      `the units ${candidates.map((unit) => `${unit.name} (${userOf(unit)})`).join(' and ')} have different users: name the one that renews with --service-user`,
    );
  return candidates[0];
}

/** Returns the user of a unit, by name or number; root where it names none. */
export function userOf(unit: ServiceUnit): string {
  return unit.values('User').at(-1) ?? 'root';
}

/** Returns a setting that is on or off, or has a word. */
export function wordOf(unit: ServiceUnit, setting: string): string {
  const word = (unit.values(setting).at(-1) ?? 'no').toLowerCase();
  if (['1', 'true', 'on'].includes(word)) return 'yes';
  return ['0', 'false', 'off'].includes(word) ? 'no' : word;
}

/** Returns the words of a setting, such as paths. systemd.syntax(7) */
export function wordsOf(unit: ServiceUnit, setting: string): readonly string[] {
  return unit.values(setting).flatMap(splitWords);
}

/** Splits a value at spaces that are not in quotes. */
function splitWords(value: string): readonly string[] {
  const words = value.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? [];
  return words.map((word) => word.replaceAll(/"([^"]*)"|'([^']*)'/g, '$1$2'));
}

async function enabledUnits(root: string): Promise<readonly string[]> {
  const links: string[] = [];
  for (const folder of folders.slice(0, 2))
    for (const entry of await entriesOf(join(root, folder)))
      if (entry.endsWith('.wants')) links.push(...(await entriesOf(join(root, folder, entry))));
  return links;
}

/** Reads a unit; undefined where it is not installed, or masked. */
async function readUnit(name: string, root: string): Promise<ServiceUnit | undefined> {
  for (const folder of folders) {
    const text = await textOf(join(root, folder, name));
    if (text === undefined) continue;
    if (text.trim() === '') return undefined;
    const settings = new Map<string, string[]>();
    for (const part of [text, ...(await dropIns(name, root))]) addSettings(part, settings);
    return { name, values: (setting) => settings.get(setting) ?? [] };
  }
  return undefined;
}

/** Returns the drop-ins of a unit in the order of their names; the first folder hides the others. */
async function dropIns(name: string, root: string): Promise<readonly string[]> {
  const paths = new Map<string, string>();
  for (const folder of folders) {
    const path = join(root, folder, `${name}.d`);
    for (const entry of await entriesOf(path))
      if (entry.endsWith('.conf') && !paths.has(entry)) paths.set(entry, join(path, entry));
  }
  const sorted = [...paths.values()].sort((a, b) => (basename(a) < basename(b) ? -1 : 1));
  return (await Promise.all(sorted.map(textOf))).flatMap((text) => text ?? []);
}

/** Adds the settings of `[Service]`. An empty value removes the earlier ones of its setting. */
function addSettings(text: string, settings: Map<string, string[]>): void {
  let section = '';
  for (const line of text.replaceAll(/\\\n/g, ' ').split('\n')) {
    if (/^\s*[#;]/.test(line)) continue;
    section = /^\[(.*)\]\s*$/.exec(line)?.[1] ?? section;
    const [, setting = '', value = ''] = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (section !== 'Service' || setting === '') continue;
    settings.set(setting, value === '' ? [] : [...(settings.get(setting) ?? []), value]);
  }
}

/** Returns what is in a folder; nothing where it does not exist. */
async function entriesOf(folder: string): Promise<readonly string[]> {
  return (await ifPresent(folder, async () => await readdir(folder))) ?? [];
}

/** Returns the text of a file; undefined where it does not exist. */
async function textOf(file: string): Promise<string | undefined> {
  return await ifPresent(file, async () => await readFile(file, 'utf8'));
}

/** @throws CliError `ERR_CLI_SERVICE_USER` for what is there and cannot be read */
async function ifPresent<T>(path: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(cause) ?? '')) return undefined;
    throw new CliError(
      'ERR_CLI_SERVICE_USER',
      `${path}, which says as whom the service runs, cannot be read: ${fileErrorText(cause)}. Run the check as root, or name the user with --service-user`,
      { cause },
    );
  }
}

/** What a unit forbids at a path, and the setting that forbids it. */
interface PathRule {
  readonly path: string;
  readonly setting: string;
  readonly isWritable: boolean;
}

/**
 * Returns the setting of a unit that keeps its processes from writing to a path; undefined where none
 * does. systemd.exec(5)
 * @param path absolute, without links
 */
export function writeBarrier(unit: ServiceUnit, path: string): string | undefined {
  let nearest: PathRule | undefined;
  for (const rule of pathRules(unit))
    if (isWithin(path, rule.path) && rule.path.length >= (nearest?.path.length ?? 0))
      nearest = rule;
  return nearest === undefined || nearest.isWritable ? undefined : nearest.setting;
}

const systemFolders = ['/usr', '/boot', '/efi'];
const homeFolders = ['/home', '/root', '/run/user'];

function pathRules(unit: ServiceUnit): readonly PathRule[] {
  const system = wordOf(unit, 'ProtectSystem');
  const home = wordOf(unit, 'ProtectHome');
  const forbid = (paths: readonly string[], setting: string) =>
    paths.map((path) => ({ path, setting, isWritable: false }));
  const permit = (paths: readonly string[], setting: string) =>
    paths.map((path) => ({ path, setting, isWritable: true }));
  const pathsIn = (setting: string) =>
    wordsOf(unit, setting).map((word) => word.replace(/^[-+!]+/, '').replace(/(.)\/+$/, '$1'));
  const ownFolders = (setting: string, parent: string) =>
    permit(
      wordsOf(unit, setting).map((name) => join(parent, name)),
      setting,
    );
  const protectedBySystem = { yes: systemFolders, full: [...systemFolders, '/etc'], strict: ['/'] };
  const isPrivate = wordOf(unit, 'PrivateTmp') !== 'no';
  return [
    ...forbid(protectedBySystem[system as 'yes'] ?? [], `ProtectSystem=${system}`),
    ...(system === 'strict' ? permit(['/dev', '/proc', '/sys'], 'ProtectSystem=strict') : []),
    ...forbid(home === 'no' ? [] : homeFolders, `ProtectHome=${home}`),
    ...(isPrivate ? forbid(['/tmp', '/var/tmp'], 'PrivateTmp=yes') : []),
    ...ownFolders('StateDirectory', '/var/lib'),
    ...ownFolders('CacheDirectory', '/var/cache'),
    ...ownFolders('LogsDirectory', '/var/log'),
    ...ownFolders('RuntimeDirectory', '/run'),
    ...permit(pathsIn('ReadWritePaths'), 'ReadWritePaths'),
    ...forbid(pathsIn('ReadOnlyPaths'), 'ReadOnlyPaths'),
    ...forbid(pathsIn('InaccessiblePaths'), 'InaccessiblePaths'),
  ];
}

function isWithin(path: string, folder: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if (at === folder) return true;
    if (at === dirname(at)) return false;
  }
}
