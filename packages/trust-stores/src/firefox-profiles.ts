import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { exists } from './trust-store.ts';

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

/** Returns the folders of the user's profiles of Firefox that have a database of certificates. */
export async function firefoxProfiles(options: ProfileOptions): Promise<readonly string[]> {
  const profiles = new Set<string>();
  for (const place of places(options)) {
    const text = await readFile(join(place, 'profiles.ini'), 'utf8').catch(() => '');
    for (const folder of foldersIn(text, place))
      if (await exists(join(folder, 'cert9.db'))) profiles.add(folder);
  }
  return [...profiles];
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
