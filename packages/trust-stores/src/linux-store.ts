import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '@acmex/errors';
import { fileErrorText } from '@acmex/files';
import { TrustStoresError } from './errors.ts';
import type { Programs } from './programs.ts';
import {
  hasCertificate,
  isEntryOf,
  isSame,
  pemBlocks,
  readable,
  type RootCertificate,
} from './root-certificate.ts';
import {
  type Change,
  exists,
  type Step,
  type TrustStore,
  unavailableStore,
} from './trust-store.ts';

/** Where a Linux distribution has its trusted roots. */
export interface LinuxLayout {
  readonly distribution: string;
  /** The folder for roots that the administrator adds. */
  readonly anchors: string;
  /** How the name of a file there ends. */
  readonly suffix: '.crt' | '.pem';
  /** The file with all trusted roots, which programs read. */
  readonly bundle: string;
  /** The command that makes the bundle after a file was added, and after one was removed. */
  readonly update: Readonly<Record<Change, readonly string[]>>;
}

const sameAfterBoth = (...command: readonly string[]) => ({ add: command, remove: command });

/** The layouts of the distributions. The first one whose folder exists is used. */
export const linuxLayouts: readonly LinuxLayout[] = [
  {
    distribution: 'Fedora or RHEL',
    anchors: '/etc/pki/ca-trust/source/anchors',
    suffix: '.pem',
    bundle: '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
    update: sameAfterBoth('update-ca-trust', 'extract'),
  },
  {
    distribution: 'SUSE',
    anchors: '/etc/pki/trust/anchors',
    suffix: '.pem',
    bundle: '/var/lib/ca-certificates/ca-bundle.pem',
    update: sameAfterBoth('update-ca-certificates'),
  },
  {
    distribution: 'Arch Linux',
    anchors: '/etc/ca-certificates/trust-source/anchors',
    suffix: '.crt',
    bundle: '/etc/ca-certificates/extracted/tls-ca-bundle.pem',
    update: sameAfterBoth('update-ca-trust'),
  },
  {
    distribution: 'Debian, Ubuntu or Alpine',
    anchors: '/usr/local/share/ca-certificates',
    suffix: '.crt',
    bundle: '/etc/ssl/certs/ca-certificates.crt',
    // Only --fresh removes the links to a file that is not there any more.
    update: {
      add: ['update-ca-certificates'],
      remove: ['update-ca-certificates', '--fresh'],
    },
  },
];

export interface LinuxStoreOptions {
  readonly programs: Programs;
  readonly uid: number | undefined;
  /** The layouts to choose from; `linuxLayouts` by default. */
  readonly layouts?: readonly LinuxLayout[] | undefined;
}

/** The store of a Linux distribution, which curl, Python, Go, .NET and others read. */
export async function linuxStore({
  programs,
  uid,
  layouts = linuxLayouts,
}: LinuxStoreOptions): Promise<TrustStore> {
  const layout = await firstLayout(layouts);
  if (!layout) {
    const places = layouts.map(({ anchors }) => anchors).join(', ');
    return unavailableStore(
      { kind: 'system', title: 'Linux' },
      `none of these folders exists: ${places}; install ca-certificates, or add the root with the tools of the distribution`,
    );
  }
  const { distribution, anchors, bundle, suffix, update } = layout;
  return {
    kind: 'system',
    title: `${distribution}: ${anchors}`,
    needsRoot: uid !== 0,
    async inspect(root) {
      const [program = ''] = update.add;
      if ((await programs.find(program)) === undefined)
        return {
          state: 'not-available',
          reason: `${program} is not installed: install ca-certificates`,
        };
      const isTrusted = hasCertificate((await readOrNothing(bundle)) ?? '', root);
      const write: Step = { kind: 'write', file: join(anchors, root.entryName + suffix) };
      const files = await filesOf(root, layout);
      const remove = files.map((file): Step => ({ kind: 'remove', file }));
      return {
        state: isTrusted ? 'trusted' : 'absent',
        steps: {
          add: withUpdate(isTrusted ? [] : [write], update.add),
          remove: withUpdate(remove, update.remove),
        },
      };
    },
  };
}

async function firstLayout(layouts: readonly LinuxLayout[]): Promise<LinuxLayout | undefined> {
  for (const layout of layouts) if (await exists(layout.anchors)) return layout;
  return undefined;
}

function withUpdate(steps: readonly Step[], command: readonly string[]): readonly Step[] {
  return steps.length === 0 ? [] : [...steps, { kind: 'run', command }];
}

/** The files that have this root alone, and those that this package has written for former ones. */
async function filesOf(
  root: RootCertificate,
  { anchors, suffix }: LinuxLayout,
): Promise<readonly string[]> {
  const files: string[] = [];
  for (const file of await attempt(anchors, async () => await readdir(anchors))) {
    if (!file.endsWith(suffix)) continue;
    const blocks = pemBlocks((await readOrNothing(join(anchors, file))) ?? '');
    const [certificate] = readable(blocks);
    if (!certificate || blocks.length > 1) continue;
    const name = file.slice(0, -suffix.length);
    if (isSame(certificate, root.certificate) || isEntryOf({ name, certificate }, root))
      files.push(join(anchors, file));
  }
  return files.sort();
}

async function readOrNothing(path: string): Promise<string | undefined> {
  return await attempt(path, async () => {
    try {
      return await readFile(path, 'latin1');
    } catch (error) {
      if (/^(ENOENT|EISDIR)$/.test(errorCode(error) ?? '')) return undefined;
      throw error;
    }
  });
}

async function attempt<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw new TrustStoresError(
      'ERR_TRUST_STORES_PROGRAM',
      `${path} cannot be read: ${fileErrorText(cause)}`,
      { cause },
    );
  }
}
