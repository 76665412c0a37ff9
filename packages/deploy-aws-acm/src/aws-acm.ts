import type { ACMClientConfig, CertificateDetail } from '@aws-sdk/client-acm';
import { type AwsAccessKey, awsConnection, type AwsProfile } from '@acmex/aws';
import { type CertificateInfo, type KeyType, parseCertificate } from '@acmex/certificate';
import { type Clock, retry, systemClock } from '@acmex/clock';
import {
  type CompleteBundle,
  DeployError,
  type DeployTarget,
  filesOf,
  folderName,
  type FoundImport,
  type ImportPlace,
  importingTarget,
  type TargetCallOptions,
} from '@acmex/deploy';
import { type AcmApi, acmApi } from './acm-api.ts';

export interface AwsAcmOptions {
  /** That of the load balancer; `us-east-1` for CloudFront. */
  readonly region: string;
  /** Of an imported certificate that is replaced; by default a new one is imported once. */
  readonly arn?: string | undefined;
  /** With `secretAccessKey`; by default what AWS's tools find. */
  readonly accessKeyId?: string | undefined;
  /** Called for each request. */
  readonly secretAccessKey?: (() => Promise<string>) | undefined;
  /** Of temporary credentials. */
  readonly sessionToken?: (() => Promise<string>) | undefined;
  /** In place of an access key: a profile of AWS's tools, which can act as a role. */
  readonly profile?: string | undefined;
  /** Of the SDK: how requests are sent. */
  readonly requestHandler?: ACMClientConfig['requestHandler'];
  readonly clock?: Clock;
}

/** What ACM calls the keys that it takes. */
const algorithms: Readonly<Record<string, string>> = {
  'ec-p256': 'EC_prime256v1',
  'ec-p384': 'EC_secp384r1',
  'ec-p521': 'EC_secp521r1',
  'rsa-2048': 'RSA_2048',
  'rsa-3072': 'RSA_3072',
  'rsa-4096': 'RSA_4096',
} satisfies Partial<Record<KeyType, string>>;

/**
 * Imports certificates into AWS Certificate Manager, each new one to the same ARN. ACM shows serial
 * numbers, but no private key.
 * @see https://docs.aws.amazon.com/acm/latest/APIReference/API_ImportCertificate.html
 * @throws RangeError for credentials that are not complete, or an ARN of a different region
 */
export function awsAcm(options: AwsAcmOptions): DeployTarget {
  const { region, arn, requestHandler, clock = systemClock } = options;
  if (arn !== undefined && regionOf(arn) !== region)
    throw new RangeError(
      `${JSON.stringify(arn)} is not the ARN of a certificate in ${region}: copy it from ACM as arn:aws:acm:${region}:ACCOUNT:certificate/ID`,
    );
  const access = awsConnection(credentialsOf(options), { provider: 'aws-acm' });
  const api = acmApi({ region, access, requestHandler, clock });
  return importingTarget('aws-acm', (): ImportPlace => {
    let present: CertificateDetail | undefined;
    return {
      async find({ id, pending }, options) {
        const known = arn ?? (id !== undefined && regionOf(id) === region ? id : undefined);
        present = known === undefined ? undefined : await imported(api, known, options);
        if (!present && arn !== undefined) throw notThere(arn);
        if (!present && pending !== undefined) present = await madeOf(pending, api, options);
        return present && foundImport(present);
      },
      async write(bundle, id, options) {
        const leaf = parseCertificate(bundle.chain);
        const algorithm = algorithmOf(leaf);
        assertSameAlgorithm(present, algorithm);
        const { certificate, chain } = filesOf(bundle);
        const written = await api.import(
          {
            ...(id === undefined ? { Tags: tagsOf(bundle) } : { CertificateArn: id }),
            Certificate: Buffer.from(certificate),
            PrivateKey: Buffer.from(bundle.privateKey),
            ...(chain === '' ? {} : { CertificateChain: Buffer.from(chain) }),
          },
          options,
        );
        await untilShown(api, written, { ...options, serialNumber: leaf.serialNumber, clock });
        return written;
      },
      remove: async (id, options) => await api.delete(id, options),
    };
  });
}

function credentialsOf(options: AwsAcmOptions): AwsAccessKey | AwsProfile | undefined {
  const { accessKeyId, secretAccessKey, sessionToken, profile } = options;
  const hasKey = accessKeyId !== undefined && secretAccessKey !== undefined;
  const hasPart = [accessKeyId, secretAccessKey, sessionToken].some((part) => part !== undefined);
  if (hasPart && (!hasKey || profile !== undefined))
    throw new RangeError(
      'an access key has two parts, and no profile beside it: write access_key_id and secret_access_key, or profile',
    );
  if (hasKey) return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
  return profile === undefined ? undefined : { profile };
}

/** Returns the region of an ARN of a certificate; undefined for anything else. */
function regionOf(arn: string): string | undefined {
  return /^arn:aws[a-z-]*:acm:([a-z\d-]+):\d{12}:certificate\/[\w-]+$/.exec(arn)?.[1];
}

/** Returns an imported certificate; undefined where there is none. */
async function imported(
  api: AcmApi,
  arn: string,
  options: TargetCallOptions,
): Promise<CertificateDetail | undefined> {
  const detail = await api.describe(arn, options);
  if (!detail || detail.Type === 'IMPORTED') return detail;
  throw new DeployError(
    'ERR_DEPLOY_REFUSED',
    `aws-acm: ${arn} was not imported, but issued by ACM, which renews it: name the ARN of an imported certificate, or remove arn`,
  );
}

/** Returns what the import of a leaf made, if it did: its answer was lost. */
async function madeOf(
  pending: string,
  api: AcmApi,
  options: TargetCallOptions,
): Promise<CertificateDetail | undefined> {
  const { serialNumber, notAfter } = parseCertificate(pending);
  const seconds = Math.floor(notAfter.epochMilliseconds / 1000);
  for (const { CertificateArn: arn, NotAfter: end } of await api.list(options)) {
    if (arn === undefined || Math.floor(Number(end) / 1000) !== seconds) continue;
    const detail = await api.describe(arn, options);
    if (detail && serialOf(detail) === serialNumber) return detail;
  }
  return undefined;
}

function foundImport(detail: CertificateDetail): FoundImport {
  return { id: detail.CertificateArn ?? '', serialNumber: serialOf(detail) };
}

/** Returns a serial number as AcmeX writes it; ACM has `0a:1b:…`. */
function serialOf({ Serial: serial }: CertificateDetail): string | undefined {
  return serial
    ?.replaceAll(':', '')
    .toLowerCase()
    .replace(/^(?:00)+(?=..)/, '');
}

/** The characters of a tag do not include the star of a wildcard. */
function tagsOf({ names, id }: CompleteBundle) {
  return [
    { Key: 'Name', Value: folderName(names) },
    { Key: 'acmex', Value: id },
  ];
}

function algorithmOf({ keyType }: CertificateInfo): string {
  const algorithm = algorithms[keyType];
  if (algorithm !== undefined) return algorithm;
  throw new DeployError(
    'ERR_DEPLOY_REFUSED',
    `aws-acm: ACM takes no key of the type ${keyType}: set key_type of the certificate to ${Object.keys(algorithms).join(', ')}`,
  );
}

/** Says before anything is changed that ACM would refuse a key of another type. */
function assertSameAlgorithm(present: CertificateDetail | undefined, algorithm: string): void {
  // ACM also writes RSA-2048.
  const before = present?.KeyAlgorithm?.replaceAll('-', '_');
  if (before === undefined || before === algorithm) return;
  throw new DeployError(
    'ERR_DEPLOY_REFUSED',
    `aws-acm: ACM cannot change the type of the key of a certificate, from ${before} to ${algorithm}: set key_type of the certificate back; or rename the table of the target, which imports it to a new ARN, and use that where the former one is used`,
  );
}

function notThere(arn: string): DeployError {
  return new DeployError(
    'ERR_DEPLOY_REFUSED',
    `aws-acm: there is no certificate ${arn}: check arn and the account of the credentials, or remove arn`,
  );
}

/** Resolves when ACM shows the certificate that it took. */
async function untilShown(
  api: AcmApi,
  arn: string,
  {
    serialNumber,
    clock,
    signal,
  }: TargetCallOptions & { readonly serialNumber: string; readonly clock: Clock },
): Promise<void> {
  const isShown = await retry(
    clock,
    {
      attempts: 10,
      backoff: { first: 'PT1S', longest: 'PT5S' },
      limit: 'PT30S',
      signal,
      again: (outcome) => outcome.status === 'fulfilled' && !outcome.value,
    },
    async () => {
      const detail = await api.describe(arn, { signal });
      return detail !== undefined && serialOf(detail) === serialNumber;
    },
  );
  if (isShown) return;
  throw new DeployError(
    'ERR_DEPLOY_UNREACHABLE',
    `aws-acm: ACM took the certificate, but does not show it at ${arn}: see whether another program imports there too`,
  );
}
