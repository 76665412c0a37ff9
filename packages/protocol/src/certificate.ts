import { printable } from '@acmex/errors';
import { AcmeError } from './errors.ts';
import { links } from './links.ts';
import type { Order } from './order.ts';
import type { CallOptions } from './call-options.ts';
import type { AcmeSession } from './session.ts';

/** A chain as a CA gave it: not looked into yet. */
export interface DownloadedChain {
  readonly url: string;
  /** PEM, the end-entity certificate first. */
  readonly pem: string;
  /** URLs of the same certificate with other issuers. */
  readonly alternates: readonly string[];
}

/**
 * Downloads the chain of a valid order. RFC 8555 §7.4.2
 * @throws AcmeError `ERR_ACME_ANSWER` when the response is not a PEM chain
 */
export async function downloadCertificate(
  session: AcmeSession,
  { certificate: url }: Pick<Order<'valid'>, 'certificate'>,
  options?: CallOptions,
): Promise<DownloadedChain> {
  const { headers, text } = await session.post(url, undefined, {
    ...options,
    operation: 'certificate',
  });
  const type = headers.get('content-type') ?? 'no content type';
  // PEM of anything but certificates in this place has been an attack: RFC 8555 §11.4.
  const pem =
    /^(\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----)+\s*$/.test(text);
  if (!/^application\/pem-certificate-chain\b/i.test(type) || !pem) {
    throw new AcmeError(
      'ERR_ACME_ANSWER',
      `${url}: the certificate came as ${printable(type, 100)}${pem ? '' : ' that holds something else than certificates in PEM'}, wanted: application/pem-certificate-chain`,
    );
  }
  return { url, pem: text, alternates: links(headers, 'alternate', url) };
}
