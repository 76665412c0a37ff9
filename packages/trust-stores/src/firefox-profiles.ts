import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { exists, isAbsent } from './trust-store.ts';

/** Where Firefox, and what is made of it, has its `profiles.ini`. */
function places(options: ProfileOptions): readonly string[] {
  const { platform, home, env } = options;
  if (platform === 'darwin')
    return ['Firefox', 'LibreWolf'].map((name) => join(home, 'Library/Application Support', name));
  return [
    join(home, '.mozilla/firefox'),
    // Firefox from 147 on, where the former folder does not exist.
    join(env.XDG_CONFIG_HOME || join(home, '.config'), 'mozilla/firefox'),
    join(home, 'snap/firefox/common/.mozilla/firefox'),
    join(home, 'snap/firefox/common/.config/mozilla/firefox'),
    join(home, '.var/app/org.mozilla.firefox/.mozilla/firefox'),
    join(home, '.var/app/org.mozilla.firefox/config/mozilla/firefox'),
    join(home, '.librewolf'),
    join(home, '.var/app/io.gitlab.librewolf-community/.librewolf'),
  ];
}

export interface ProfileOptions {
  readonly platform: NodeJS.Platform;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A folder with a database of certificates, or a `profiles.ini` that cannot be read. */
export type FirefoxProfile =
  { readonly folder: string } | { readonly file: string; readonly cause: unknown };

/** Returns the user's profiles of Firefox that have a database of certificates. */
export async function firefoxProfiles(options: ProfileOptions): Promise<readonly FirefoxProfile[]> {
  const folders = new Set<string>();
  const unreadable: FirefoxProfile[] = [];
  for (const place of places(options)) {
    const file = join(place, 'profiles.ini');
    try {
      for (const folder of foldersIn(await readFile(file, 'utf8'), place))
        if (await exists(join(folder, 'cert9.db'))) folders.add(folder);
    } catch (cause) {
      if (!isAbsent(cause)) unreadable.push({ file, cause });
    }
  }
  return [...[...folders].map((folder) => ({ folder })), ...unreadable];
}

/** The paths of a `profiles.ini`, which are relative to its folder or absolute. */
function foldersIn(ini: string, place: string): readonly string[] {
  return ini
    .split(/^\[/m)
    .filter((section) => /^Profile\d+\]/.test(section))
    .flatMap((section) => {
      const [, path] = /^Path=(.+?)\r?$/m.exec(section) ?? [];
      return path === undefined ? [] : [resolve(place, path)];
    });
}
