import { access, constants } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { firefoxProfiles } from './firefox-profiles.ts';
import { javaStore } from './java-store.ts';
import { type LinuxLayout, linuxStore } from './linux-store.ts';
import { macosStore } from './macos-store.ts';
import { nssStore } from './nss-store.ts';
import type { Programs } from './programs.ts';
import {
  exists,
  type StoreKind,
  type TrustStore,
  unavailableStore,
  unreadableStore,
} from './trust-store.ts';
import { windowsStore } from './windows-store.ts';

export interface TrustStoresOptions {
  /** `process.platform` */
  readonly platform: NodeJS.Platform;
  /** The home folder of the user. */
  readonly home: string;
  /** The environment: where programs, Java and folders of the user are. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The number of the user, 0 for root; undefined on Windows. */
  readonly uid: number | undefined;
  readonly programs: Programs;
  /** The kinds of stores to find; all by default. */
  readonly kinds?: readonly StoreKind[] | undefined;
  /** Where Linux distributions have their roots; `linuxLayouts` by default. */
  readonly layouts?: readonly LinuxLayout[] | undefined;
}

type Find = (options: TrustStoresOptions) => Promise<readonly TrustStore[]>;

/** The system comes first: on Debian, its update can also change the store of Java. */
const finders: Readonly<Record<StoreKind, Find>> = {
  system: async (options) => [await systemStore(options)],
  chrome: chromeStores,
  firefox: firefoxStores,
  java: javaStores,
};

/**
 * Finds the stores of trusted roots that programs of this user read: that of the system, of Chrome,
 * of each profile of Firefox, and of Java. A kind without a store has one that is not available.
 * Changes nothing.
 */
export async function trustStores(options: TrustStoresOptions): Promise<readonly TrustStore[]> {
  const stores: TrustStore[] = [];
  for (const [kind, find] of Object.entries(finders))
    if (options.kinds?.some((chosen) => chosen === kind) ?? true)
      stores.push(...(await find(options)));
  return stores;
}

async function systemStore(options: TrustStoresOptions): Promise<TrustStore> {
  const { platform, env } = options;
  if (platform === 'darwin') return macosStore(options);
  if (platform === 'win32')
    return windowsStore({ ...options, systemRoot: env.SystemRoot ?? 'C:\\Windows' });
  if (platform === 'linux') return await linuxStore(options);
  return unavailableStore(
    { kind: 'system', title: platform },
    `the store of ${platform} is not known: add the root with the tools of the system`,
  );
}

const chromePrograms = [
  ...['google-chrome', 'google-chrome-stable', 'chromium', 'chromium-browser'],
  ...['microsoft-edge', 'brave-browser', 'vivaldi', 'opera'],
];

/** https://chromium.googlesource.com/chromium/src/+/main/docs/linux/cert_management.md */
async function chromeStores(options: TrustStoresOptions): Promise<readonly TrustStore[]> {
  const { platform, home, env, programs } = options;
  const kind = 'chrome';
  if (platform !== 'linux')
    return [unavailableStore({ kind, title: 'Chrome' }, 'Chrome reads the store of the system')];
  const usual = join(home, '.pki/nssdb');
  const candidates = [
    usual,
    // Chromium from 146 on, where the former folder does not exist.
    join(env.XDG_DATA_HOME || join(home, '.local/share'), 'pki/nssdb'),
    join(home, 'snap/chromium/current/.pki/nssdb'),
    join(home, 'snap/chromium/current/.local/share/pki/nssdb'),
    join(home, '.var/app/org.chromium.Chromium/data/pki/nssdb'),
    join(home, '.var/app/com.google.Chrome/data/pki/nssdb'),
  ];
  const folders: string[] = [];
  for (const folder of candidates) if (await exists(join(folder, 'cert9.db'))) folders.push(folder);
  if (folders.length === 0) {
    if (!(await isInstalled(chromePrograms, env)))
      return [
        unavailableStore(
          { kind, title: 'Chrome' },
          `neither ${usual} nor a program of Chrome or Chromium on the PATH`,
        ),
      ];
    // Every version reads this one where it exists.
    folders.push(usual);
  }
  return folders.map((folder) =>
    nssStore({ kind, title: `Chrome and Chromium: ${folder}`, folder, programs }),
  );
}

async function isInstalled(
  names: readonly string[],
  { PATH = '' }: TrustStoresOptions['env'],
): Promise<boolean> {
  for (const folder of PATH.split(delimiter))
    for (const name of names) if (await isExecutable(join(folder, name))) return true;
  return false;
}

async function isExecutable(file: string): Promise<boolean> {
  return await access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function firefoxStores(options: TrustStoresOptions): Promise<readonly TrustStore[]> {
  const kind = 'firefox';
  const unavailable = (reason: string) => [unavailableStore({ kind, title: 'Firefox' }, reason)];
  if (options.platform === 'win32')
    return unavailable(
      'Firefox from 120 on reads the store of Windows, unless security.enterprise_roots.enabled is false',
    );
  const profiles = await firefoxProfiles(options);
  if (profiles.length === 0)
    return unavailable(`no profile of Firefox with a database of certificates in ${options.home}`);
  const { programs } = options;
  return profiles.map((profile) => {
    if ('file' in profile)
      return unreadableStore({ kind, title: `Firefox: ${profile.file}` }, profile);
    const { folder } = profile;
    return nssStore({ kind, title: `Firefox: ${folder}`, folder, programs });
  });
}

async function javaStores(options: TrustStoresOptions): Promise<readonly TrustStore[]> {
  const kind = 'java';
  const home = await javaHome(options);
  if (home === undefined)
    return [unavailableStore({ kind, title: 'Java' }, 'no Java on the PATH: set JAVA_HOME')];
  const keytool = join(home, 'bin', options.platform === 'win32' ? 'keytool.exe' : 'keytool');
  for (const cacerts of [
    join(home, 'lib/security/cacerts'),
    join(home, 'jre/lib/security/cacerts'),
  ])
    if (await exists(cacerts))
      return [await javaStore({ keytool, cacerts, programs: options.programs })];
  return [
    unavailableStore(
      { kind, title: `Java: ${home}` },
      'it has no lib/security/cacerts: set JAVA_HOME',
    ),
  ];
}

/** Returns the folder of the Java that this user runs. */
async function javaHome({
  platform,
  env,
  programs,
}: TrustStoresOptions): Promise<string | undefined> {
  if (env.JAVA_HOME) return env.JAVA_HOME;
  if (platform === 'darwin') {
    // /usr/bin/java of macOS is there without a Java.
    const { end, output } = await programs.run(['/usr/libexec/java_home']);
    return end === 0 ? output.trim() : undefined;
  }
  const keytool = await programs.find(platform === 'win32' ? 'keytool.exe' : 'keytool');
  return keytool === undefined ? undefined : dirname(dirname(keytool));
}
