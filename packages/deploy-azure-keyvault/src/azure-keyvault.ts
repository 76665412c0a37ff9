import { randomBytes } from 'node:crypto';
import { type CertificateInfo, type KeyType, parseCertificate } from '@acmex/certificate';
import { exportBundle } from '@acmex/certificate/formats';
import {
  type CertificatePlace,
  type CompleteBundle,
  DeployError,
  type DeployTarget,
  placePath,
  replacingTarget,
  type TargetApi,
  type TargetCallOptions,
  type TargetRefusal,
} from '@acmex/deploy';
import { vaultApi, type VaultAccessOptions } from './vault-access.ts';

export interface AzureKeyvaultOptions extends VaultAccessOptions {
  /** The name in the vault; `{name}` is replaced by the name of the certificate. */
  readonly certificate: string;
  /** The form in which other services get the certificate; `pkcs12` by default. */
  readonly contentType?: 'pkcs12' | 'pem' | undefined;
}

/** A certificate of AcmeX, or a version in the vault that is there already. */
type Value =
  | { readonly bundle: CompleteBundle }
  | { readonly version: string; readonly certificate: CertificateInfo };

/** What is imported. */
interface Import {
  readonly value: string;
  readonly pwd?: string;
  readonly mediaType: string;
}

const apiVersion = 'api-version=7.4';
const mediaTypes = { pkcs12: 'application/x-pkcs12', pem: 'application/x-pem-file' } as const;

/** What Key Vault calls the keys that it takes. */
const keyProperties: Readonly<Record<string, object>> = {
  'ec-p256': { kty: 'EC', crv: 'P-256' },
  'ec-p384': { kty: 'EC', crv: 'P-384' },
  'ec-p521': { kty: 'EC', crv: 'P-521' },
  'rsa-2048': { kty: 'RSA', key_size: 2048 },
  'rsa-3072': { kty: 'RSA', key_size: 3072 },
  'rsa-4096': { kty: 'RSA', key_size: 4096 },
} satisfies Partial<Record<KeyType, object>>;

/**
 * Imports certificates into Azure Key Vault, each as a new version. Key Vault uses the newest
 * version, and none where that is disabled: the former certificate is put back by importing it
 * again, and a first one by disabling it, as a deleted name cannot be used for some time.
 * @see https://learn.microsoft.com/rest/api/keyvault/certificates/import-certificate/import-certificate
 * @throws RangeError for what is not the URL of a vault or a name in one, or credentials that are
 * not complete
 */
export function azureKeyvault(options: AzureKeyvaultOptions): DeployTarget {
  const { certificate, contentType = 'pkcs12' } = options;
  if (!/^[\da-z-]{1,127}$/i.test(certificate.replaceAll('{name}', 'a')))
    throw new RangeError(
      `${JSON.stringify(certificate)} is not a name in a vault: write {name}, or letters, digits and -`,
    );
  const api = vaultApi(options);
  const placeOf = (bundle: CompleteBundle, former: CompleteBundle | undefined) => {
    const path = `/certificates/${vaultName(placePath(certificate, bundle))}`;
    return vaultPlace({ api, path, former, contentType });
  };
  return {
    name: 'azure-keyvault',
    stage: async (bundle, options) =>
      await replacingTarget('azure-keyvault', (staged) => placeOf(staged, options.former)).stage(
        bundle,
        options,
      ),
  };
}

interface VaultPlace {
  readonly api: TargetApi;
  /** `/certificates/NAME` */
  readonly path: string;
  readonly former: CompleteBundle | undefined;
  readonly contentType: keyof typeof mediaTypes;
}

function vaultPlace({ api, path, former, contentType }: VaultPlace): CertificatePlace<Value> {
  return {
    async read(call) {
      const current = await currentOf(api, path, call);
      if (!current) return undefined;
      const { serialNumber } = current.certificate;
      // Its private key is at hand, and need not be read in the vault.
      const value = serialNumber === former?.serialNumber ? { bundle: former } : current;
      return { value, serialNumber };
    },
    valueOf: (bundle) => ({ bundle }),
    async write(value, call) {
      const certificate =
        'bundle' in value ? parseCertificate(value.bundle.chain) : value.certificate;
      const { serialNumber } = certificate;
      const present = await currentOf(api, path, call);
      if (present?.certificate.serialNumber === serialNumber) return;
      const contents =
        'bundle' in value
          ? await contentsOf(value.bundle, contentType)
          : await secretOf(api, path, { ...call, version: value.version });
      await importVersion(api, path, { ...call, contents, certificate });
      const written = await currentOf(api, path, call);
      if (written?.certificate.serialNumber !== serialNumber) throw notCurrent(path);
    },
    async remove(call) {
      const current = await currentOf(api, path, call);
      if (current)
        await api({
          method: 'PATCH',
          path: `${path}/${current.version}?${apiVersion}`,
          body: { attributes: { enabled: false } },
          ...call,
        });
    },
  };
}

/** Returns a name as a vault takes it: `_wildcard.a.test` becomes `wildcard-a-test`. */
function vaultName(name: string): string {
  return name
    .replaceAll(/[^\da-z-]/gi, '-')
    .replace(/^-+/, '')
    .slice(0, 127);
}

/** Returns the version that services use; undefined where there is none, or it is disabled. */
async function currentOf(
  api: TargetApi,
  path: string,
  { signal }: TargetCallOptions,
): Promise<{ readonly version: string; readonly certificate: CertificateInfo } | undefined> {
  const { status, body } = await api({
    method: 'GET',
    path: `${path}?${apiVersion}`,
    accept: (refusal) => refusal.status === 404 || reasonsOf(refusal).some(isDisabled),
    signal,
  });
  if (status !== 200) return undefined;
  const { id, cer, attributes } = { ...(body as Readonly<Record<string, unknown>> | undefined) };
  const version = typeof id === 'string' ? /\/([\da-f]+)$/.exec(id)?.[1] : undefined;
  if (version === undefined || typeof cer !== 'string') throw notVault(path);
  const { enabled } = { ...(attributes as Readonly<Record<string, unknown>> | undefined) };
  if (enabled === false) return undefined;
  return { version, certificate: parsed(Buffer.from(cer, 'base64'), path) };
}

/** Returns the codes of a refusal, from the general one to the particular one. */
function reasonsOf({ text }: TargetRefusal): readonly string[] {
  return [...text.matchAll(/"code"\s*:\s*"(\w+)"/g)].map(([, code = '']) => code);
}

function isDisabled(code: string): boolean {
  return /^(Certificate|Secret)Disabled$/.test(code);
}

function parsed(der: Uint8Array, path: string): CertificateInfo {
  try {
    return parseCertificate(der);
  } catch {
    throw notVault(path);
  }
}

/** Returns a certificate in the form that services get from the vault. */
async function contentsOf(
  { chain, privateKey }: CompleteBundle,
  contentType: keyof typeof mediaTypes,
): Promise<Import> {
  const mediaType = mediaTypes[contentType];
  if (contentType === 'pem') return { value: `${privateKey.trim()}\n${chain}`, mediaType };
  // The vault decrypts it at once; not every vault reads the newer encryption of PKCS#12.
  const pwd = randomBytes(24).toString('base64url');
  const file = await exportBundle({ chain, privateKey, format: 'pkcs12-legacy', passphrase: pwd });
  return { value: Buffer.from(file).toString('base64'), pwd, mediaType };
}

/** Returns a version in the vault with its private key. */
async function secretOf(
  api: TargetApi,
  path: string,
  { version, signal }: TargetCallOptions & { readonly version: string },
): Promise<Import> {
  const { body } = await api({
    method: 'GET',
    path: `${path.replace('/certificates/', '/secrets/')}/${version}?${apiVersion}`,
    signal,
  });
  const { value, contentType } = { ...(body as Readonly<Record<string, unknown>> | undefined) };
  if (typeof value === 'string' && typeof contentType === 'string')
    return { value, mediaType: contentType };
  throw notVault(path);
}

interface NewVersion extends TargetCallOptions {
  readonly contents: Import;
  readonly certificate: CertificateInfo;
}

/** @throws DeployError `ERR_DEPLOY_REFUSED`, also for a name that is deleted but recoverable */
async function importVersion(
  api: TargetApi,
  path: string,
  { contents: { mediaType, ...contents }, certificate: { keyType }, signal }: NewVersion,
): Promise<void> {
  const properties = keyProperties[keyType];
  if (!properties)
    throw new DeployError(
      'ERR_DEPLOY_REFUSED',
      `azure-keyvault: Key Vault takes no key of the type ${keyType}: set key_type of the certificate to ${Object.keys(keyProperties).join(', ')}`,
    );
  const { status } = await api({
    method: 'POST',
    path: `${path}/import?${apiVersion}`,
    body: {
      ...contents,
      policy: {
        key_props: { ...properties, exportable: true, reuse_key: false },
        secret_props: { contentType: mediaType },
      },
      attributes: { enabled: true },
    },
    accept: (refusal) => reasonsOf(refusal).includes('ObjectIsDeletedButRecoverable'),
    signal,
  });
  if (status === 200) return;
  const name = path.replace('/certificates/', '');
  throw new DeployError(
    'ERR_DEPLOY_REFUSED',
    `azure-keyvault: the certificate ${name} is deleted, but its name is not free yet: recover it with az keyvault certificate recover --name ${name}, purge it, or write a different name`,
  );
}

function notVault(path: string): DeployError {
  return new DeployError(
    'ERR_DEPLOY_UNREACHABLE',
    `azure-keyvault: the answer to ${path} is not that of a vault: check url, and whether a proxy answers in its place`,
  );
}

function notCurrent(path: string): DeployError {
  return new DeployError(
    'ERR_DEPLOY_UNREACHABLE',
    `azure-keyvault: the vault took the certificate, but uses another version of ${path}: see whether another program imports there too`,
  );
}
