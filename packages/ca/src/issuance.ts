import { timestamp } from '@acmex/clock';
import { Temporal } from 'temporal-polyfill';
import { idOf, type Stored, untilWritten } from '@acmex/storage';
import type { Issuance, Issuer } from './authority/issuer.ts';
import { type CertificateRecord, certificates } from './certificate-records.ts';
import { type DecidedIssuance, issuances, type OrderRecord, orders } from './order-records.ts';
import { generationOf, repositoryUrlsOf } from './crl.ts';
import { listed } from './issued-index.ts';
import { pending } from './pending.ts';
import type { Service } from './service.ts';
import { knownFirst } from './stored.ts';

/** After this, an issuance that is still under way has lost the process that did it. */
const longest = { minutes: 1 };
/** Seconds before each further try, where the issuer or the storage fails. */
const pauses = [1, 5, 15, 30, 60];

/**
 * Makes the certificate of an order that is `processing`. In the background: the order says when it
 * is there.
 * @param decided The order as it was just written; read where it is absent.
 */
export function startIssuance(service: Service, id: string, decided?: Stored<OrderRecord>): void {
  const read = knownFirst(decided, () => orders.read(service.storage, id));
  service.background.run(`issuance of ${id}`, async ({ signal }) => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await issue(service, { id, read }, signal);
      } catch (error) {
        const pause = pauses[attempt];
        if (signal.aborted || pause === undefined) throw error;
        await service.clock.sleep({ seconds: pause }, { signal });
      }
    }
  });
}

async function issue(
  service: Service,
  {
    id,
    read,
  }: { readonly id: string; readonly read: () => Promise<Stored<OrderRecord> | undefined> },
  signal: AbortSignal,
): Promise<void> {
  const stored = await read();
  const decided = stored?.record.issuance;
  if (stored?.record.status !== 'processing' || !decided) {
    await service.storage.write([{ remove: issuances.key(id) }]);
    return;
  }
  const issuer = await issuerFor(service, decided);
  const content = contentOf(service, stored.record, { decided, issuer });
  const chains = await issuer.issue(content, { signal });
  const readAgain = knownFirst(stored, () => orders.read(service.storage, id));
  await untilWritten(async () =>
    finish(service, { id, stored: await readAgain(), chains, decided, issuer }),
  );
}

/**
 * Returns the present issuer; an earlier one where the present one ends before the certificate,
 * which was decided before it was replaced.
 */
async function issuerFor(service: Service, { notAfter }: DecidedIssuance): Promise<Issuer> {
  const { current, all } = await service.issuers();
  const isLongEnough = (issuer: Issuer) => Temporal.Instant.compare(issuer.notAfter, notAfter) >= 0;
  return all.find(isLongEnough) ?? current;
}

function contentOf(
  { repositoryUrls, ocsp }: Service,
  { identifiers }: OrderRecord,
  { decided, issuer }: { readonly decided: DecidedIssuance; readonly issuer: Issuer },
): Issuance {
  const { serialNumber, publicKey, rsa, usages, mustStaple } = decided;
  return {
    serialNumber,
    rsa,
    usages,
    mustStaple,
    identifiers,
    publicKey: Uint8Array.from(Buffer.from(publicKey, 'base64')),
    notBefore: Temporal.Instant.from(decided.notBefore),
    notAfter: Temporal.Instant.from(decided.notAfter),
    ...repositoryUrlsOf(repositoryUrls, issuer),
    ocspUrl: ocsp && repositoryUrls.of('/ocsp'),
  };
}

interface Finished {
  readonly id: string;
  readonly stored: Stored<OrderRecord> | undefined;
  readonly chains: readonly string[];
  readonly decided: DecidedIssuance;
  readonly issuer: Issuer;
}

/**
 * The certificate and the order's new status are one write: there is no valid order without it.
 * Where two did the same, one is kept.
 */
async function finish(
  { storage, clock, watch, countedOrders }: Service,
  { id, stored, chains, decided, issuer }: Finished,
): Promise<void> {
  if (stored?.record.status !== 'processing') return;
  const { record } = stored;
  const certificate: CertificateRecord = {
    account: record.account,
    order: id,
    identifiers: record.identifiers,
    profile: record.profile,
    generation: generationOf(issuer) === 1 ? undefined : generationOf(issuer),
    issuedAt: timestamp(clock.now()),
    notBefore: decided.notBefore,
    notAfter: decided.notAfter,
    chains,
  };
  await storage.write([
    orders.changed(stored, { ...record, status: 'valid' }),
    certificates.added(decided.serialNumber, certificate),
    listed(decided.serialNumber, certificate),
    { remove: issuances.key(id) },
    { remove: pending.key(`${record.account}/${id}`) },
  ]);
  countedOrders?.issued(record);
  watch.onIssued?.({ profile: record.profile });
}

/** Takes up what a process left that is gone, once a client asks for it. */
export function reviveIssuance(
  service: Service,
  id: string,
  { status, issuance }: OrderRecord,
): void {
  if (status !== 'processing' || !issuance) return;
  const lost = service.clock.now().subtract(longest);
  if (Temporal.Instant.compare(issuance.decidedAt, lost) < 0) startIssuance(service, id);
}

/** Takes up what the last start left. */
export async function resumeIssuances(service: Service): Promise<void> {
  const onCorrupt = service.background.report('resuming issuances');
  for await (const stored of issuances.list(service.storage, { onCorrupt }))
    startIssuance(service, idOf(stored));
}
