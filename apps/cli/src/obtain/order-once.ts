import { CertificateError, isChain, verifyIssued } from '@acmex/certificate';
import { AcmeClient, type IssueRequest } from '@acmex/client';
import { fileAttributes } from '@acmex/deploy';
import { reportProgress, trackDisplay } from '../progress.ts';
import { type WaitingFile, waitingFile } from '../whole-file.ts';
import type { Obtained, Obtaining } from './obtaining.ts';
import type { ObtainOptions } from './options.ts';
import { type CertificateRequest, certificateRequest, hasKeyFile } from './request.ts';

/** What is not stored cannot be continued later: it is waited for. */
const longestProcessing = { hours: 24 };

/** Orders a certificate that is not managed: only its account is stored. */
export async function orderOnce(obtaining: Obtaining): Promise<Obtained> {
  const { options, names, authority, manager, report } = obtaining;
  const { signal, display } = obtaining.terminal;
  const attributes = await fileAttributes(options);
  await using keyFile = hasKeyFile(options)
    ? await waitingFile(options.keyPath, attributes.key)
    : undefined;
  await using certificateFile = await waitingFile(options.certPath, attributes.certificate);
  report.working('creating the request');
  const request = await certificateRequest(names, options, manager);
  report.working(`connecting to ${authority.title}`);
  const { solvers, withSession } = await manager.connect({
    issuer: obtaining.issuer,
    names: request.identifiers.map(({ value }) => value),
    csr: request.csr,
    challenge: obtaining.challenge,
    runsHooks: false,
    signal,
  });
  const prefer = options.preferredChain ?? authority.preferredChain;
  const profile = options.profile ?? authority.profile;
  const wanted: IssueRequest = {
    identifiers: request.identifiers,
    csr: request.csr,
    profile,
    notAfter: options.notAfter,
    prefer: prefer === undefined ? undefined : (chain) => isChain(chain, prefer),
  };
  const { pem } = await withSession(
    async (session) =>
      await new AcmeClient({ session, solvers }).issue(wanted, {
        signal,
        processingLimit: longestProcessing,
        onProgress: (progress) => {
          trackDisplay(display, progress);
          reportProgress(report, progress);
        },
      }),
  );
  // A profile of the CA can be for TLS clients.
  const purposes = profile === undefined ? undefined : (['serverAuth', 'clientAuth'] as const);
  const issued = await verifyIssued(pem, { ...request, purposes }).catch(
    async (error: unknown) => await storeRefused(pem, { error, options, request }),
  );
  for (const warning of issued.warnings) report.warn(warning);
  // The key first: a certificate without its key is useless, a key without its certificate is
  // harmless.
  if (request.privateKey && keyFile) await commitSecret(keyFile, await request.privateKey());
  await certificateFile.commit(issued.pem);
  return { chain: issued.pem };
}

/**
 * Writes a certificate that the CA issued and that cannot be used, with its key, beside the files
 * that it was ordered for: what was issued is not lost.
 * @throws CertificateError that names the file, with the code of the reason
 */
async function storeRefused(
  pem: string,
  {
    error,
    options: { certPath, keyPath },
    request,
  }: {
    readonly error: unknown;
    readonly options: ObtainOptions;
    readonly request: CertificateRequest;
  },
): Promise<never> {
  if (!(error instanceof CertificateError)) throw error;
  const [certificate, key] = [`${certPath}.refused`, `${keyPath}.refused`];
  if (request.privateKey) {
    await using keyFile = await waitingFile(key, 0o600);
    await commitSecret(keyFile, await request.privateKey());
  }
  await using certificateFile = await waitingFile(certificate, 0o644);
  await certificateFile.commit(pem);
  throw new CertificateError(
    error.code,
    `${error.message}; it is not used, and is stored as ${certificate}${request.privateKey ? ` with its key ${key}` : ''}`,
    { cause: error },
  );
}

async function commitSecret(file: WaitingFile, bytes: Uint8Array): Promise<void> {
  try {
    await file.commit(bytes);
  } finally {
    bytes.fill(0);
  }
}
