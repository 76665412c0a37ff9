import { printable } from '@acmex/errors';
import type { ApiClient } from './api-client.ts';
import { AgentError, ApiError } from './errors.ts';

/** A certificate that a server has for this API key. */
export interface AvailableCertificate {
  readonly id: string;
  readonly names: readonly string[];
  /** Of the current certificate at the server. */
  readonly serialNumber: string;
  /** Of the second key, where there are two; its files are beside those of the first. */
  readonly second?: { readonly keyType: string; readonly serialNumber: string } | undefined;
  /** The trace of its order, if the server says it. W3C Trace Context §3.2 */
  readonly traceparent?: string | undefined;
}

export interface AvailableCertificates {
  readonly certificates: readonly AvailableCertificate[];
  /** Selected ids and names for which there is no certificate. */
  readonly missing: readonly string[];
}

/**
 * Returns the certificates that are issued and not revoked, in the order of their creation.
 * @param selection ids and names; empty for all that the key may read
 * @throws ApiError
 */
export async function availableCertificates(
  api: ApiClient,
  selection: readonly string[],
  signal: AbortSignal,
): Promise<AvailableCertificates> {
  if (selection.length === 0)
    return { certificates: distinct(await allPages(api, '', signal)), missing: [] };
  const results = await Promise.all(
    selection.map(async (idOrName) => ({
      idOrName,
      certificates: await select(api, idOrName, signal),
    })),
  );
  return {
    certificates: distinct(results.flatMap(({ certificates }) => certificates)),
    missing: results
      .filter(({ certificates }) => certificates.length === 0)
      .map(({ idOrName }) => idOrName),
  };
}

async function select(
  api: ApiClient,
  idOrName: string,
  signal: AbortSignal,
): Promise<readonly AvailableCertificate[]> {
  if (!isId(idOrName)) return await allPages(api, `&name=${encodeURIComponent(idOrName)}`, signal);
  try {
    const { text } = await api.request(`/api/certificates/${idOrName}`, { signal });
    return toAvailable(parseJson(text));
  } catch (error) {
    if (error instanceof ApiError && error.serverCode === 'ERR_SERVER_NOT_FOUND') return [];
    throw error;
  }
}

async function allPages(
  api: ApiClient,
  filter: string,
  signal: AbortSignal,
): Promise<readonly AvailableCertificate[]> {
  const certificates: AvailableCertificate[] = [];
  let cursor: unknown = '';
  while (typeof cursor === 'string') {
    const next = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const { text } = await api.request(`/api/certificates?limit=200${filter}${next}`, { signal });
    const page = parseJson(text);
    if (!isObject(page) || !Array.isArray(page.items)) throw notAcmex();
    certificates.push(...page.items.flatMap(toAvailable));
    cursor = page.next;
  }
  return certificates;
}

/** @returns nothing for a certificate that is not issued, or revoked */
function toAvailable(view: unknown): readonly AvailableCertificate[] {
  if (
    !isObject(view) ||
    !isId(view.id) ||
    !Array.isArray(view.names) ||
    !view.names.every((name) => typeof name === 'string')
  )
    throw notAcmex();
  const { id, names, current } = view;
  if (!isObject(current) || current.revokedAt !== undefined) return [];
  const { serialNumber, traceparent, second } = current;
  if (!isSerialNumber(serialNumber)) throw notAcmex();
  const trace = typeof traceparent === 'string' ? { traceparent } : {};
  const pair = second === undefined ? {} : { second: toSecond(second) };
  return [{ id, names, serialNumber, ...pair, ...trace }];
}

function toSecond(second: unknown): AvailableCertificate['second'] {
  if (!isObject(second)) throw notAcmex();
  const { keyType, serialNumber } = second;
  if (typeof keyType !== 'string' || !isSerialNumber(serialNumber)) throw notAcmex();
  return { keyType, serialNumber };
}

function isSerialNumber(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{1,64}$/.test(value);
}

/** Ids sort by creation time. Folder names are assigned in this order, so it must not change. */
function distinct(certificates: readonly AvailableCertificate[]): readonly AvailableCertificate[] {
  const byId = new Map(certificates.map((certificate) => [certificate.id, certificate]));
  return [...byId.values()].sort((left, right) => (left.id < right.id ? -1 : 1));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ApiError(
      'ERR_AGENT_SERVER_ANSWER',
      `the server's list of certificates is not valid JSON: ${printable(text, 60)}`,
      { cause },
    );
  }
}

function notAcmex(): ApiError {
  return new ApiError(
    'ERR_AGENT_SERVER_ANSWER',
    "the server's list of certificates is not in AcmeX's format: update the agent, or check the URL",
  );
}

function isId(idOrName: unknown): idOrName is string {
  return typeof idOrName === 'string' && /^crt_[0-9a-z]{26}$/.test(idOrName);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** @throws AgentError `ERR_AGENT_NO_CERTIFICATE` when there are missing certificates */
export function assertNoneMissing(missing: readonly string[]): void {
  if (missing.length > 0) throw new AgentError('ERR_AGENT_NO_CERTIFICATE', missingText(missing));
}

export function missingText(missing: readonly string[]): string {
  const list = missing.map((idOrName) => printable(idOrName, 255)).join(', ');
  return `the server has no issued certificate that this key may read for ${list}`;
}
