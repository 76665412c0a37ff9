import { dirname, join } from 'node:path';
import type { ConfigKey } from '../config-keys.ts';
import type { Fault, Origin } from '../fault.ts';
import type { Settings } from '../settings.ts';
import type { Place } from '../place.ts';
import { tomlContent } from './document-content.ts';
import type { FileContent } from './file-content.ts';
import { readFolder } from './folder-files.ts';

/** The settings with the certificates of a folder. */
export interface Included {
  readonly settings: Settings;
  /** Those of files that are not in `settings`, with the keys of each file. */
  readonly faults: readonly Fault[];
  /** The paths of the files that were read. */
  readonly files: readonly string[];
  /** Returns the fault of a certificate with its key as the file calls it. */
  readonly localFault: (fault: Fault) => Fault;
}

/** The entries of a file among all certificates. */
interface FileRange {
  readonly file: string;
  readonly from: number;
  readonly to: number;
}

/**
 * Adds the certificates of the files in `certificates.d`, the folder beside a configuration file, to
 * those of the file. The folder is beside the path as it was given: a link is not followed.
 * @param config the path of the configuration file
 * @param keys returns the keys of a configuration
 */
export async function withFolder(
  written: Settings,
  config: string,
  keys: () => readonly ConfigKey[],
): Promise<Included> {
  const entries: unknown[] = [];
  const origins = new Map<string, Origin>();
  const ranges: FileRange[] = [];
  const faults: Fault[] = [];
  const { certificates = [] } = written.table;
  const first = Array.isArray(certificates) ? certificates.length : 0;
  for (const file of await readFolder(join(dirname(config), 'certificates.d'))) {
    const originOf = (place?: Place): Origin => ({ from: 'file', file: file.path, ...place });
    if ('problem' in file) {
      const { path: _, ...fault } = file;
      faults.push({ key: '', origin: originOf(), ...fault });
      continue;
    }
    const content = await contentOf(file.path, file.text, keys);
    const from = first + entries.length;
    entries.push(...content.entries);
    ranges.push({ file: file.path, from, to: first + entries.length });
    for (const [key, place] of content.places)
      if (certificateKey.test(key)) origins.set(shifted(key, from), originOf(place));
    for (const { place, ...fault } of content.faults)
      faults.push({ ...fault, origin: originOf(place) });
  }
  return {
    settings: written.withCertificates(entries, origins),
    faults,
    files: ranges.map(({ file }) => file),
    localFault: (fault) => localFault(fault, ranges),
  };
}

/** Without a folder: no file was read. */
export function withoutFolder(settings: Settings): Included {
  return { settings, faults: [], files: [], localFault: (fault) => fault };
}

/** Reads a file. The parsers of formats that no file has are not loaded. */
async function contentOf(
  path: string,
  text: string,
  keys: () => readonly ConfigKey[],
): Promise<FileContent> {
  if (path.endsWith('.toml')) return tomlContent(text);
  if (path.endsWith('.csv')) return (await import('./csv-content.ts')).csvContent(text, keys());
  return (await import('./yaml-content.ts')).yamlContent(text);
}

const certificateKey = /^certificates\[(\d+)\](.*)$/s;

/** Returns a key of a file as a key of all certificates. */
function shifted(key: string, by: number): string {
  return key.replace(
    certificateKey,
    (_, index, below) => `certificates[${Number(index) + by}]${below}`,
  );
}

function localFault(fault: Fault, ranges: readonly FileRange[]): Fault {
  const [, digits, below = ''] = certificateKey.exec(fault.key) ?? [];
  const index = Number(digits);
  const range = ranges.find(({ from, to }) => index >= from && index < to);
  if (!range) return fault;
  // A certificate of a CSV file is a line, and a key of it is a column.
  const key = range.file.endsWith('.csv')
    ? below.replace(/^\./, '').replaceAll(/\[\d+\]/g, '')
    : `certificates[${index - range.from}]${below}`;
  return { ...fault, key };
}
