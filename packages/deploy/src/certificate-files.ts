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
}

export interface CertificateFile {
  readonly path: string;
  readonly content: string;
  /** Whether the private key is in it. */
  readonly hasKey: boolean;
}

/**
 * Returns the files of a certificate, in the order in which they are written: the key first.
 * @throws DeployError `ERR_DEPLOY_TARGET` for a file of a key that cannot leave its device
 */
export function certificateFiles(
  { certPath, keyPath, chainPath, leafPath, combinedPath }: FilePaths,
  bundle: Bundle,
): readonly CertificateFile[] {
  const texts = filesOf(bundle);
  const { privateKey } = texts;
  const files: readonly (readonly [string | undefined, string, boolean])[] = [
    [keyPath, needed(privateKey, keyPath), true],
    [combinedPath, needed(privateKey, combinedPath) + texts.fullchain, true],
    [certPath, texts.fullchain, false],
    [leafPath, texts.certificate, false],
    [chainPath, texts.chain, false],
  ];
  return files.flatMap(([path, content, hasKey]) =>
    path === undefined ? [] : [{ path, content, hasKey }],
  );
}

function needed(privateKey: string | undefined, path: string | undefined): string {
  if (privateKey !== undefined || path === undefined) return privateKey ?? '';
  throw new DeployError(
    'ERR_DEPLOY_TARGET',
    `${path} is for a private key, which is in a device and cannot be written: deploy only the certificate, and let the server use the device`,
  );
}
