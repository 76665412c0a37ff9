import { type Clock, systemClock } from '@acmex/clock';
import { type EgressFetch, egressFetch } from '@acmex/egress';
import { errorText } from '@acmex/errors';
import {
  type CertificateFields,
  contents,
  context,
  type DerValue,
  members,
  readCertificateFields,
  readDerValue,
  readObjectIdentifier,
  tags,
} from '@acmex/certificate/structure';
import type { Temporal } from 'temporal-polyfill';
import { ocspRequest, statusByOcsp } from './ocsp.ts';
import { readRevocationList, statusByList } from './revocation-list.ts';
import { type RevocationStatus, UnprovenError } from './status.ts';

export interface RevocationOptions {
  /**
   * How OCSP responders and lists are fetched. By default public addresses alone, lists of at most
   * 64 MiB, within 30 seconds.
   */
  readonly fetch?: EgressFetch;
  /** The instant of the check; now by default. */
  readonly at?: Temporal.Instant;
  readonly clock?: Clock;
  /** An OCSP response that a server stapled, DER. It is tried first. */
  readonly stapled?: Uint8Array | undefined;
  /** Revocation lists that are at hand, DER. They are tried before any is fetched. */
  readonly lists?: readonly Uint8Array[];
  /** Whether sources that the certificate names are asked; true by default. */
  readonly isOnline?: boolean;
}

const ocspUrl = '1.3.6.1.5.5.7.48.1';
const informationAccess = '1.3.6.1.5.5.7.1.1';
const distributionPoints = '2.5.29.31';
const maxList = 64 * 1024 * 1024;

/**
 * Finds out whether a certificate is revoked: by a stapled OCSP response, lists at hand, the OCSP
 * responder and the lists that the certificate names, in this order. RFC 5280 §6.3, RFC 6960
 *
 * @param certificate DER
 * @param issuer DER; verify the chain first, this trusts it
 * @returns `unknown` with reasons where nothing is proven; it never throws for what others answer
 * @throws DerError, RangeError when one of the two is not a certificate
 */
export async function checkRevocation(
  certificate: Uint8Array,
  issuer: Uint8Array,
  options: RevocationOptions = {},
): Promise<RevocationStatus> {
  const { clock = systemClock } = options;
  const pair = {
    certificate: readCertificateFields(certificate),
    issuer: readCertificateFields(issuer),
    now: (options.at ?? clock.now()).epochMilliseconds,
  };
  const reasons: string[] = [];
  for (const { name, ask } of sources(pair, options)) {
    try {
      return await ask();
    } catch (error) {
      reasons.push(`${name}: ${errorText(error)}`);
    }
  }
  return {
    status: 'unknown',
    reasons: reasons.length > 0 ? reasons : ['the certificate names no source'],
  };
}

interface Pair {
  readonly certificate: CertificateFields;
  readonly issuer: CertificateFields;
  readonly now: number;
}

interface Source {
  readonly name: string;
  ask(): Promise<RevocationStatus>;
}

function sources(pair: Pair, options: RevocationOptions): readonly Source[] {
  const { fetch = egressFetch({ redirects: 3, maxBody: maxList }), isOnline = true } = options;
  const { stapled, lists = [] } = options;
  const byList = async (der: Uint8Array) =>
    await statusByList(readRevocationList(der), pair.certificate, pair.issuer, pair);
  return [
    ...(stapled
      ? [{ name: 'the stapled response', ask: async () => statusByOcsp(stapled, pair) }]
      : []),
    ...lists.map((der, index) => ({ name: `list ${index + 1}`, ask: () => byList(der) })),
    ...(isOnline
      ? [
          ...responders(pair.certificate).map((url) => ({
            name: url,
            ask: () => askResponder(url, pair, fetch),
          })),
          ...listUrls(pair.certificate).map((url) => ({
            name: url,
            ask: async () => await byList(await download(url, fetch)),
          })),
        ]
      : []),
  ];
}

async function askResponder(
  url: string,
  pair: Pair,
  fetch: EgressFetch,
): Promise<RevocationStatus> {
  const request = ocspRequest(pair.certificate, pair.issuer);
  const headers = {
    'content-type': 'application/ocsp-request',
    accept: 'application/ocsp-response',
  };
  const { status, body } = await fetch(url, { method: 'POST', headers, body: request.der });
  if (status !== 200) throw new UnprovenError(`the responder answered with status ${status}`);
  return statusByOcsp(body, { ...pair, nonce: request.nonce });
}

async function download(url: string, fetch: EgressFetch): Promise<Uint8Array> {
  const { status, body } = await fetch(url);
  if (status !== 200) throw new UnprovenError(`the server answered with status ${status}`);
  return body;
}

/** The OCSP responders that a certificate names. RFC 5280 §4.2.2.1 */
function responders(certificate: CertificateFields): readonly string[] {
  return entries(certificate, informationAccess).flatMap((entry) => {
    const [method, location] = members(entry);
    if (!method || !location || readObjectIdentifier(method) !== ocspUrl) return [];
    return urls([location]);
  });
}

/** The lists that a certificate names, without those of other issuers. RFC 5280 §4.2.1.13 */
function listUrls(certificate: CertificateFields): readonly string[] {
  return entries(certificate, distributionPoints).flatMap((entry) => {
    const fields = members(entry);
    if (fields.some(({ tag }) => tag === context(2, { constructed: true }))) return [];
    const point = fields.find(({ tag }) => tag === context(0, { constructed: true }));
    const [name] = point ? members(point) : [];
    return name?.tag === context(0, { constructed: true }) ? urls(members(name)) : [];
  });
}

function entries({ extensions }: CertificateFields, identifier: string): readonly DerValue[] {
  const extension = extensions.find((candidate) => candidate.identifier === identifier);
  return extension ? members(readDerValue(extension.value, tags.sequence)) : [];
}

/** The http and https URLs among general names. */
function urls(names: readonly DerValue[]): readonly string[] {
  return names.flatMap((name) => {
    const text = Buffer.from(contents(name)).toString('latin1');
    return name.tag === context(6) && /^https?:\/\//i.test(text) ? [text] : [];
  });
}
