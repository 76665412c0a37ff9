import type { Stored } from '@acmex/storage';
import type { Answer } from './answer.ts';
import { type CertificateRecord, certificates } from './certificate-records.ts';
import { refusal } from './problems.ts';
import type { Service } from './service.ts';
import { readsOnly, type SignedByAccount } from './signed-request.ts';

/** A certificate with its chain, and where the same one is with others. RFC 8555 §7.4.2 */
export async function certificate(
  service: Service,
  request: SignedByAccount,
  { id, alternate = '0' }: { readonly id: string; readonly alternate?: string | undefined },
): Promise<Answer> {
  readsOnly(request);
  const {
    record: { chains },
  } = await ownCertificate(service, request, id);
  const urlOf = (index: number) =>
    service.urls.of(`/certificate/${id}${index === 0 ? '' : `/${index}`}`);
  const chosen = Number(alternate);
  const pem = chains[chosen];
  if (pem === undefined)
    throw refusal('malformed', 'there is no such chain of this certificate', { status: 404 });
  return {
    status: 200,
    headers: { 'content-type': 'application/pem-certificate-chain', location: urlOf(chosen) },
    links: chains.flatMap((_, index) =>
      index === chosen ? [] : [[urlOf(index), 'alternate'] as const],
    ),
    body: pem,
  };
}

async function ownCertificate(
  { storage }: Service,
  request: SignedByAccount,
  id: string,
): Promise<Stored<CertificateRecord>> {
  const stored = await certificates.read(storage, id);
  if (stored?.record.account !== request.account.id)
    throw refusal('malformed', 'there is no such certificate of this account', { status: 404 });
  return stored;
}
