import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isSigned, type StandInKey, standInHandler } from '@acmex/aws/stand-in';
import type { StandInTargetSubject, TargetTrouble } from '@acmex/deploy/contract';
import type { TroubleOptions } from '@acmex/dns/contract';
import { type StandInAnswer, standIn, type StandInRequest } from '@acmex/dns/stand-in';

interface Tag {
  readonly Key: string;
  readonly Value?: string;
}
interface Row {
  readonly arn: string;
  readonly type: 'IMPORTED' | 'AMAZON_ISSUED';
  readonly certificate: string;
  readonly chain: string;
  readonly tags: readonly Tag[];
  /** How often the certificate before it is still shown. */
  stale: number;
}
type Fields = Readonly<Record<string, unknown>>;
type Kind = TargetTrouble | 'rate-limited';

export interface AcmStandInOptions extends StandInKey {
  /** How many certificates the account may have. */
  readonly quota?: number;
  /** How often a certificate is not shown yet after it was imported. */
  readonly stale?: number;
}

const failure = (code: string, message: string, status = 400): StandInAnswer => ({
  status,
  body: { __type: code, message },
});
const textOf = (blob: unknown) => Buffer.from(String(blob ?? ''), 'base64').toString();
const pemCount = (pem: string) => pem.split('-----BEGIN CERTIFICATE-----').length - 1;

function algorithmOf({ publicKey }: X509Certificate): string {
  const { namedCurve, modulusLength } = publicKey.asymmetricKeyDetails ?? {};
  return namedCurve === undefined ? `RSA_${modulusLength}` : `EC_${namedCurve}`;
}

function detailOf({ arn, type, certificate, tags: _, ...row }: Row): Fields {
  const leaf = new X509Certificate(certificate);
  return {
    CertificateArn: arn,
    DomainName: 'a.test',
    // Until a new certificate is shown everywhere, another one is.
    Serial:
      row.stale > 0 ? '00:01' : (leaf.serialNumber.match(/../g) ?? []).join(':').toLowerCase(),
    NotAfter: new Date(leaf.validTo).getTime() / 1000,
    KeyAlgorithm: algorithmOf(leaf).replace('RSA_', 'RSA-'),
    Status: 'ISSUED',
    Type: type,
  };
}

/** Returns what ACM has against an import. */
function refusalOf(fields: Fields, before: Row | undefined): StandInAnswer | undefined {
  const [certificate, key, chain] = ['Certificate', 'PrivateKey', 'CertificateChain'].map((name) =>
    textOf(fields[name]),
  ) as [string, string, string];
  const invalid = (message: string) => failure('ValidationException', message);
  if (pemCount(certificate) !== 1)
    return invalid(
      'The certificate field contains more than one certificate. You can specify only one certificate in this field.',
    );
  const leaf = new X509Certificate(certificate);
  if (key.length > 5120 || !leaf.checkPrivateKey(createPrivateKey(key)))
    return invalid('The private key does not match the certificate.');
  if (
    fields['CertificateChain'] !== undefined &&
    (pemCount(chain) === 0 || chain.includes(certificate))
  )
    return invalid('Could not validate the certificate with the certificate chain.');
  const tags = (fields['Tags'] ?? []) as readonly Tag[];
  if (before && tags.length > 0)
    return failure('InvalidParameterException', 'Tags are not permitted when re-importing.');
  if (!tags.every(({ Value = '' }) => /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u.test(Value)))
    return failure('InvalidTagException', 'The tag value is not valid.');
  if (before && algorithmOf(new X509Certificate(before.certificate)) !== algorithmOf(leaf))
    return invalid('The key algorithm of the new certificate differs.');
  return undefined;
}

/**
 * ACM in `eu-central-1` as its reference describes it: JSON 1.1, signed requests, two certificates
 * to a page. It shows no private key.
 */
export function acmStandIn({ quota = 2500, stale = 0, ...key }: AcmStandInOptions): Pick<
  StandInTargetSubject,
  'inUse'
> & {
  readonly requestHandler: ReturnType<typeof standInHandler>;
  readonly rows: readonly Row[];
  /** The operations that were asked for. */
  readonly calls: readonly string[];
  /** Adds a certificate that was not imported by AcmeX. */
  put(row: Partial<Row> & Pick<Row, 'certificate'>): string;
  trouble(kind: Kind | undefined, options?: TroubleOptions): void;
} {
  let rows: Row[] = [];
  let trouble: Kind | undefined;
  const foreign: string[] = [];
  const calls: string[] = [];
  let last = 0;
  const newArn = () => {
    last += 1;
    return `arn:aws:acm:eu-central-1:123456789012:certificate/${String(last).padStart(8, '0')}-aaaa`;
  };
  const noCertificate = (arn: string) =>
    failure('ResourceNotFoundException', `Could not find certificate ${arn}.`);
  const save = (row: Row) => {
    rows = [...rows.filter(({ arn }) => arn !== row.arn), row];
  };
  const operations: Readonly<Record<string, (fields: Fields) => StandInAnswer>> = {
    ImportCertificate(fields) {
      const arn = fields['CertificateArn'];
      const before = rows.find((row) => row.arn === arn);
      if (arn !== undefined && !before) return noCertificate(String(arn));
      if (before?.type === 'AMAZON_ISSUED')
        return failure('ValidationException', 'The certificate was not imported.');
      const refusal = refusalOf(fields, before);
      if (refusal) return refusal;
      if (!before && rows.length >= quota)
        return failure('LimitExceededException', 'You have reached the limit of certificates.');
      const tags = before?.tags ?? ((fields['Tags'] ?? []) as readonly Tag[]);
      const [certificate, chain] = [
        textOf(fields['Certificate']),
        textOf(fields['CertificateChain']),
      ];
      const row = { arn: before?.arn ?? newArn(), type: 'IMPORTED' as const };
      save({ ...row, certificate, chain, tags, stale });
      return { status: 200, body: { CertificateArn: row.arn } };
    },
    DescribeCertificate({ CertificateArn: arn }) {
      const row = rows.find((each) => each.arn === arn);
      if (!row) return noCertificate(String(arn));
      const body = { Certificate: detailOf(row) };
      row.stale -= 1;
      return { status: 200, body };
    },
    ListCertificates({ Includes: includes, NextToken: token }) {
      const { keyTypes = ['RSA_1024', 'RSA_2048'] } = (includes ?? {}) as {
        readonly keyTypes?: readonly string[];
      };
      const listed = rows.filter(({ certificate }) =>
        keyTypes.includes(algorithmOf(new X509Certificate(certificate))),
      );
      const from = Number(token ?? 0);
      const items = listed.slice(from, from + 2).map((row) => {
        const { CertificateArn, DomainName, NotAfter, Type } = detailOf(row);
        return { CertificateArn, DomainName, NotAfter, Type };
      });
      const next = from + 2 < listed.length ? { NextToken: String(from + 2) } : {};
      return { status: 200, body: { CertificateSummaryList: items, ...next } };
    },
    DeleteCertificate({ CertificateArn: arn }) {
      const row = rows.find((each) => each.arn === arn);
      if (!row) return noCertificate(String(arn));
      rows = rows.filter((each) => each !== row);
      return { status: 200 };
    },
  };
  const host = standIn({
    baseUrl: 'https://acm.eu-central-1.amazonaws.com',
    authorized: (request) => isSigned(request, key, 'eu-central-1/acm'),
    words: {
      credentials: failure(
        'InvalidSignatureException',
        'The request signature we calculated does not match the signature you provided.',
      ),
      'rate-limited': failure('ThrottlingException', 'Rate exceeded'),
      unknown: failure('UnknownOperationException', ''),
      malformed: failure('SerializationException', ''),
      'server-error': failure('InternalFailure', 'An internal error occurred.', 500),
    },
    routes: {
      'POST /': ({ headers, body, text }: StandInRequest) => {
        const [, operation = ''] =
          /^CertificateManager\.(\w+)$/.exec(headers.get('x-amz-target') ?? '') ?? [];
        calls.push(operation);
        const fields = body as Fields;
        if (trouble === 'refusal' && operation === 'ImportCertificate')
          return failure(
            'ValidationException',
            [...headers.values(), textOf(fields['PrivateKey']), text].join(' '),
          );
        return operations[operation]?.(fields) ?? failure('UnknownOperationException', operation);
      },
    },
  });
  return {
    requestHandler: standInHandler(host),
    calls,
    get rows() {
      return rows;
    },
    put(row) {
      const arn = newArn();
      foreign.push(arn);
      save({ type: 'IMPORTED', chain: '', tags: [], stale: 0, ...row, arn });
      return arn;
    },
    async inUse() {
      const row = rows.find(({ arn }) => !foreign.includes(arn));
      return row && { chain: row.certificate + row.chain };
    },
    trouble(kind, options) {
      trouble = kind;
      host.trouble(kind === 'refusal' ? undefined : kind, options);
    },
  };
}
