import { type Bundle, filesOf } from './bundle.ts';
import { DeployError } from './errors.ts';

/** Where the files of a certificate are. */
export interface FilePaths {
  /** Certificate and chain. */
  readonly certPath?: string | undefined;
  readonly keyPath?: string | undefined;
  /** The chain without the certificate. */
  readonly chainPath?: string | undefined;
  /** The certificate without its chain. */
  readonly leafPath?: string | undefined;
  /** Key, certificate and chain in one file, as HAProxy reads it. */
  readonly combinedPath?: string | undefined;
  /** The same of the second key. */
  readonly secondCertPath?: string | undefined;
  readonly secondKeyPath?: string | undefined;
  readonly secondChainPath?: string | undefined;
  readonly secondLeafPath?: string | undefined;
}

export interface CertificateFile {
  readonly path: string;
  readonly content: string;
  /** Whether the private key is in it. */
  readonly hasKey: boolean;
}

/**
 * Returns the files of a certificate, in the order in which they are written: the keys first.
 * @throws DeployError `ERR_DEPLOY_TARGET` for a file of a key that cannot leave its device, or that
 * the certificate does not have
 */
export function certificateFiles(paths: FilePaths, bundle: Bundle): readonly CertificateFile[] {
  const { certPath, keyPath, chainPath, leafPath, combinedPath } = paths;
  const [secondKey, ...secondChains] = secondFiles(paths, bundle);
  const texts = filesOf(bundle);
  const { privateKey } = texts;
  const files: readonly PlacedText[] = [
    [keyPath, needed(privateKey, keyPath), true],
    ...(secondKey ? [secondKey] : []),
    [combinedPath, needed(privateKey, combinedPath) + texts.fullchain, true],
    [certPath, texts.fullchain, false],
    [leafPath, texts.certificate, false],
    [chainPath, texts.chain, false],
    ...secondChains,
  ];
  return files.flatMap(([path, content, hasKey]) =>
    path === undefined ? [] : [{ path, content, hasKey }],
  );
}

type PlacedText = readonly [path: string | undefined, text: string, hasKey: boolean];

/** Returns the files of the second key, the key first. */
function secondFiles(
  { secondCertPath, secondKeyPath, secondChainPath, secondLeafPath }: FilePaths,
  { second, names }: Bundle,
): readonly PlacedText[] {
  if (second) {
    const texts = filesOf(second);
    return [
      [secondKeyPath, second.privateKey, true],
      [secondCertPath, texts.fullchain, false],
      [secondLeafPath, texts.certificate, false],
      [secondChainPath, texts.chain, false],
    ];
  }
  const path = secondKeyPath ?? secondCertPath ?? secondLeafPath ?? secondChainPath;
  if (path === undefined) return [];
  throw new DeployError(
    'ERR_DEPLOY_TARGET',
    `${path} is for a second key, and the certificate for ${names.join(', ')} has a single one: give it two key types, or remove the path`,
  );
}

function needed(privateKey: string | undefined, path: string | undefined): string {
  if (privateKey !== undefined || path === undefined) return privateKey ?? '';
  throw new DeployError(
    'ERR_DEPLOY_TARGET',
    `${path} is for a private key, which is in a device and cannot be written: deploy only the certificate, and let the server use the device`,
  );
}
