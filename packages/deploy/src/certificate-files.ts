import { type Bundle, filesOf, type SecondBundle } from './bundle.ts';
import { DeployError } from './errors.ts';
import { placePath } from './replacing-target.ts';

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
  /** The same of the second key: see `pathsFor` for the usual names. */
  readonly secondCertPath?: string | undefined;
  readonly secondKeyPath?: string | undefined;
  readonly secondChainPath?: string | undefined;
  readonly secondLeafPath?: string | undefined;
  readonly secondCombinedPath?: string | undefined;
}

export interface CertificateFile {
  readonly path: string;
  readonly content: string;
  /** Whether the private key is in it. */
  readonly hasKey: boolean;
  /** Whether it is that of the second key. */
  readonly isSecond: boolean;
}

/**
 * Returns the path of a file of the second key, beside that of the first: `site-rsa.pem` beside
 * `site.pem`. A file name without an extension gets it at its end.
 */
export function secondPath(path: string, algorithm: SecondBundle['algorithm']): string {
  const [extension = ''] = /(?<=[^/\\])\.[^./\\]+$/.exec(path) ?? [];
  return `${path.slice(0, path.length - extension.length)}-${algorithm}${extension}`;
}

/**
 * Returns the paths of a certificate, with `{name}` replaced by its name. The files of a second key
 * are beside those of the first, named by `secondPath`.
 */
export function pathsFor(
  { certPath, keyPath, chainPath, leafPath, combinedPath }: FilePaths,
  bundle: Pick<Bundle, 'names' | 'second'>,
): FilePaths {
  const { second } = bundle;
  const place = (path: string | undefined) => path && placePath(path, bundle);
  const beside = (path: string | undefined) =>
    path && second && placePath(secondPath(path, second.algorithm), bundle);
  return {
    certPath: place(certPath),
    keyPath: place(keyPath),
    chainPath: place(chainPath),
    leafPath: place(leafPath),
    combinedPath: place(combinedPath),
    secondCertPath: beside(certPath),
    secondKeyPath: beside(keyPath),
    secondChainPath: beside(chainPath),
    secondLeafPath: beside(leafPath),
    secondCombinedPath: beside(combinedPath),
  };
}

/**
 * Returns the files of a certificate, in the order in which they are written: the keys first.
 * @throws DeployError `ERR_DEPLOY_TARGET` for a file of a key that cannot leave its device, or that
 * the certificate does not have
 */
export function certificateFiles(paths: FilePaths, bundle: Bundle): readonly CertificateFile[] {
  const { certPath, keyPath, chainPath, leafPath, combinedPath } = paths;
  const texts = filesOf(bundle);
  const { privateKey } = texts;
  const files: readonly PlacedText[] = [
    [keyPath, needed(privateKey, keyPath), true],
    [combinedPath, needed(privateKey, combinedPath) + texts.fullchain, true],
    [certPath, texts.fullchain, false],
    [leafPath, texts.certificate, false],
    [chainPath, texts.chain, false],
  ];
  const all = [...placed(files, false), ...placed(secondFiles(paths, bundle), true)];
  const isKey = ({ hasKey }: CertificateFile) => hasKey;
  return [...all.filter(isKey), ...all.filter((file) => !isKey(file))];
}

function placed(files: readonly PlacedText[], isSecond: boolean): readonly CertificateFile[] {
  return files.flatMap(([path, content, hasKey]) =>
    path === undefined ? [] : [{ path, content, hasKey, isSecond }],
  );
}

type PlacedText = readonly [path: string | undefined, text: string, hasKey: boolean];

function secondFiles(paths: FilePaths, { second, names }: Bundle): readonly PlacedText[] {
  const { secondCertPath, secondKeyPath, secondChainPath, secondLeafPath } = paths;
  const { secondCombinedPath } = paths;
  if (second) {
    const texts = filesOf(second);
    return [
      [secondKeyPath, second.privateKey, true],
      [secondCombinedPath, second.privateKey + texts.fullchain, true],
      [secondCertPath, texts.fullchain, false],
      [secondLeafPath, texts.certificate, false],
      [secondChainPath, texts.chain, false],
    ];
  }
  const path =
    secondKeyPath ?? secondCombinedPath ?? secondCertPath ?? secondLeafPath ?? secondChainPath;
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
