import { type Clock, type DurationInput, systemClock, withTimeLimit } from '@acmex/clock';
import { type EgressFetch, egressFetch } from '@acmex/egress';
import { CertificateError } from '@acmex/certificate';
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
import type { ListBytes } from './list-reader.ts';
import { type OcspCheck, type OcspProof, ocspRequest, proofByOcsp } from './ocsp.ts';
import type { ProofCache } from './proof-cache.ts';
import { type ListProof, proofByList } from './revocation-list.ts';
import { type RevocationStatus, UnprovenError } from './status.ts';

export interface RevocationOptions {
  /**
   * How OCSP responders and lists are fetched. By default public addresses alone, lists of at most
   * 64 MiB, each within 30 seconds.
   */
  readonly fetch?: EgressFetch;
  /** The instant of the check; now by default. */
  readonly at?: Temporal.Instant;
  readonly clock?: Clock;
  /** An OCSP response that a server stapled, DER. It is tried first. */
  readonly stapled?: Uint8Array | undefined;
  /** Revocation lists that are at hand, DER. They are tried before any is fetched. */
  readonly lists?: readonly ListBytes[];
  /** Whether sources that the certificate names are asked; true by default. */
  readonly isOnline?: boolean;
  /**
   * The nonce of an OCSP request. `send`, the default: the response is fresh if it has the nonce
   * too, but many responders ignore it. `require`: a response without it proves nothing. `none`: a
   * GET, which caches of the responder can answer. RFC 9654, RFC 5019 §5
   */
  readonly nonce?: 'send' | 'require' | 'none';
  /** Responses and lists that were fetched before; `require` does not use its responses. */
  readonly cache?: ProofCache | undefined;
  /** For all sources together; a minute by default. */
  readonly limit?: DurationInput;
  readonly signal?: AbortSignal | undefined;
  /** Called before a source is asked, with its URL; what it throws is the reason not to ask it. */
  readonly beforeRequest?: ((url: string) => void) | undefined;
}

const ocspUrl = '1.3.6.1.5.5.7.48.1';
const informationAccess = '1.3.6.1.5.5.7.1.1';
const distributionPoints = '2.5.29.31';
const maxList = 64 * 1024 * 1024;
const maxResponse = 64 * 1024;
/** How many responders, and how many lists, of a certificate are asked. */
const mostUrls = 4;

/**
 * Finds out whether a certificate is revoked: by a stapled OCSP response, lists at hand, the OCSP
 * responder and the lists that the certificate names, in this order. RFC 5280 §6.3, RFC 6960
 *
 * @param certificate DER
 * @param issuer DER; verify the chain first, this trusts it
 * @returns `unknown` with reasons where nothing is proven; it never throws for what others answer
 * @throws CertificateError `ERR_CERTIFICATE_FORMAT` when one of the two is not a certificate; the
 * reason of `signal`
 */
export async function checkRevocation(
  certificate: Uint8Array,
  issuer: Uint8Array,
  options: RevocationOptions = {},
): Promise<RevocationStatus> {
  const { clock = systemClock, limit = { minutes: 1 }, signal } = options;
  const subject = {
    ...readPair(certificate, issuer),
    now: (options.at ?? clock.now()).epochMilliseconds,
  };
  return await withTimeLimit({ clock, limit, signal }, async (timed) => {
    const check = { ...options, ...subject, signal: timed };
    return await firstProof([...responseSources(check), ...listSources(check)], {
      timed,
      signal,
    });
  });
}

/** @throws CertificateError `ERR_CERTIFICATE_FORMAT` when one of the two is not a certificate */
export function readPair(certificate: Uint8Array, issuer: Uint8Array) {
  return {
    certificate: readCertificate(certificate, 'the certificate'),
    issuer: readCertificate(issuer, 'the certificate of its issuer'),
  };
}

function readCertificate(der: Uint8Array, what: string): CertificateFields {
  try {
    return readCertificateFields(der);
  } catch (cause) {
    const message = `${what} cannot be read: ${errorText(cause)}; get it again`;
    throw new CertificateError('ERR_CERTIFICATE_FORMAT', message, { cause });
  }
}

export interface Check extends Omit<RevocationOptions, 'at' | 'limit'> {
  readonly certificate: CertificateFields;
  readonly issuer: CertificateFields;
  readonly now: number;
  readonly signal: AbortSignal;
}

interface Source {
  readonly name: string;
  /** Where sources with a lower number are tried first. */
  readonly rank: number;
  ask(): Promise<RevocationStatus>;
}

async function firstProof(
  sources: readonly Source[],
  { timed, signal }: { readonly timed: AbortSignal; readonly signal: AbortSignal | undefined },
): Promise<RevocationStatus> {
  const reasons: string[] = [];
  for (const { name, ask } of [...sources].sort((a, b) => a.rank - b.rank)) {
    signal?.throwIfAborted();
    if (timed.aborted) {
      reasons.push(`${name}: not asked, because the time limit was reached`);
      continue;
    }
    try {
      return await ask();
    } catch (error) {
      signal?.throwIfAborted();
      reasons.push(`${name}: ${errorText(error)}`);
    }
  }
  return {
    status: 'unknown',
    hasSources: sources.length > 0,
    reasons:
      reasons.length > 0
        ? reasons
        : ['the certificate names no OCSP responder and no revocation list'],
  };
}

/** The sources that answer with an OCSP response. */
function responseSources(check: Check): readonly Source[] {
  const { stapled, isOnline = true } = check;
  const byResponse = async (response: Uint8Array) =>
    (await proofByOcsp(response, ocspCheck(check))).status;
  return [
    ...(stapled ? [{ name: 'the stapled response', rank: 0, ask: () => byResponse(stapled) }] : []),
    ...(isOnline ? responders(check.certificate) : []).map((url) => ({
      name: url,
      rank: 2,
      ask: () => askResponder(url, check),
    })),
  ];
}

/** The sources that are revocation lists. */
function listSources(check: Check): readonly Source[] {
  const { lists = [], isOnline = true } = check;
  return [
    ...lists.map((list, index) => ({
      name: `list ${index + 1}`,
      rank: 1,
      ask: async () => (await proofOf(list, check)).status,
    })),
    ...(isOnline ? listUrls(check.certificate) : []).slice(0, mostUrls).map((url) => ({
      name: url,
      rank: 3,
      ask: () => askList(url, check),
    })),
  ];
}

export function ocspCheck(check: Check, nonce?: Uint8Array): OcspCheck {
  const { certificate, issuer, now } = check;
  return {
    ...{ certificate, issuer, now, nonce },
    isNonceRequired: check.nonce === 'require' && nonce !== undefined,
    checkDelegate: (delegate) => checkDelegate({ ...check, certificate: delegate }),
  };
}

/** A delegate that names no list is trusted: RFC 6960 §4.2.2.2.1 leaves it to the client. */
async function checkDelegate(check: Check): Promise<void> {
  if (listUrls(check.certificate).length === 0) return;
  const { signal } = check;
  const status = await firstProof(listSources(check), { timed: signal, signal: undefined });
  if (status.status === 'good') return;
  const reason = status.status === 'revoked' ? 'is revoked' : status.reasons.join('; ');
  throw new UnprovenError(`the certificate of its signer: ${reason}`);
}

async function askResponder(url: string, check: Check): Promise<RevocationStatus> {
  const { cache, nonce = 'send' } = check;
  const cached = nonce === 'require' ? undefined : await cache?.response(check);
  const proof = cached && (await provenOr(() => proofByOcsp(cached, ocspCheck(check))));
  if (proof) return proof.status;
  const { response, proof: fresh } = await fetchResponse(url, check);
  await cache?.storeResponse(check, response, fresh);
  return fresh.status;
}

/** Returns undefined for a stored proof that proves nothing: the source is asked instead. */
async function provenOr<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch {
    // The record is damaged or too old; the next source says what is true.
    return undefined;
  }
}

/** @throws UnprovenError for a response that proves nothing; what `fetch` throws */
export async function fetchResponse(
  url: string,
  check: Check,
): Promise<{ readonly response: Uint8Array; readonly proof: OcspProof }> {
  const { fetch = defaultFetch(), signal, beforeRequest } = check;
  const request = ocspRequest(check.certificate, check.issuer, {
    hasNonce: check.nonce !== 'none',
  });
  const accept = 'application/ocsp-response';
  const asGet = request.nonce ? undefined : ocspGetUrl(url, request.der);
  beforeRequest?.(url);
  const pieces: Uint8Array[] = [];
  let size = 0;
  const read = async (body: AsyncIterable<Uint8Array>) => {
    for await (const bytes of body) {
      size += bytes.length;
      if (size > maxResponse) throw new UnprovenError('the response is larger than 64 KiB');
      pieces.push(bytes);
    }
  };
  const answer = asGet
    ? await fetch(asGet, { headers: { accept }, signal, read })
    : await fetch(url, {
        method: 'POST',
        headers: { accept, 'content-type': 'application/ocsp-request' },
        body: request.der,
        ...{ signal, read },
      });
  if (answer.status !== 200)
    throw new UnprovenError(`the responder answered with status ${answer.status}`);
  const response = Buffer.concat([...pieces, answer.body]);
  return { response, proof: await proofByOcsp(response, ocspCheck(check, request.nonce)) };
}

/**
 * Returns the URL of a request by GET; undefined for one that is too long for caches. RFC 5019 §5
 */
function ocspGetUrl(url: string, request: Uint8Array): string | undefined {
  const text = encodeURIComponent(Buffer.from(request).toString('base64'));
  return text.length > 255 ? undefined : `${url.replace(/\/$/, '')}/${text}`;
}

async function proofOf(list: ListBytes, { certificate, issuer, now }: Check): Promise<ListProof> {
  return await proofByList(list, certificate, issuer, { now });
}

async function askList(url: string, check: Check): Promise<RevocationStatus> {
  const { cache, issuer } = check;
  const cached = await cache?.list(issuer, url);
  const { list } = cached ?? {};
  const proof = list && (await provenOr(() => proofOf(list, check)));
  if (proof) return proof.status;
  return (await fetchList(url, check, cached?.number)).status;
}

/** Reads a list while it arrives, and stores it if it proves something. */
async function fetchList(
  url: string,
  check: Check,
  lowest: string | undefined,
): Promise<ListProof> {
  const { fetch = defaultFetch(), signal, beforeRequest } = check;
  beforeRequest?.(url);
  const proofs: ListProof[] = [];
  const read = async (list: ListBytes, { status }: { readonly status: number }) => {
    if (status !== 200) throw new UnprovenError(`the server answered with status ${status}`);
    proofs.push(await readAndStore(list, { url, lowest }, check));
  };
  const answer = await fetch(url, { signal, read });
  // A fetch of the caller may not know `read`.
  if (proofs.length === 0) await read(answer.body, answer);
  const [proof] = proofs;
  if (!proof) throw new UnprovenError('the server answered without a list');
  return proof;
}

/** @param source where the list is from, and the number that it has at least, hexadecimal */
async function readAndStore(
  list: ListBytes,
  { url, lowest }: { readonly url: string; readonly lowest: string | undefined },
  check: Check,
): Promise<ListProof> {
  const storing = check.cache?.storing(check.issuer, url, list);
  if (!storing) return await proofOf(list, check);
  try {
    const proof = await proofOf(storing.list, check);
    if (lowest !== undefined && BigInt(`0x${proof.number}`) < BigInt(`0x${lowest}`))
      throw new UnprovenError(
        `its number ${proof.number} is lower than ${lowest}, that of an earlier list`,
      );
    await storing.stored(proof);
    return proof;
  } catch (error) {
    await storing.discard();
    throw error;
  }
}

function defaultFetch(): EgressFetch {
  return egressFetch({ redirects: 3, maxBody: maxList });
}

/** The OCSP responders that a certificate names, as far as they are asked. RFC 5280 §4.2.2.1 */
export function responders(certificate: CertificateFields): readonly string[] {
  const named = entries(certificate, informationAccess).flatMap((entry) => {
    const [method, location] = members(entry);
    if (!method || !location || readObjectIdentifier(method) !== ocspUrl) return [];
    return urls([location]);
  });
  return named.slice(0, mostUrls);
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
