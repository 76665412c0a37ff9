import { timestamp } from '@acmex/clock';
import { Temporal } from 'temporal-polyfill';
import { untilWritten } from '@acmex/storage';
import type { Answer } from './answer.ts';
import { newSerialNumber } from './authority/authority.ts';
import type { Issuer } from './authority/issuer.ts';
import { acceptedCsr } from './csr-policy.ts';
import { checkCaaAgain, type ReadOrder } from './caa-again.ts';
import { isCompromised } from './compromised-keys.ts';
import { CaError } from './errors.ts';
import { startIssuance } from './issuance.ts';
import { type DecidedIssuance, issuances, type OrderRecord, orders } from './order-records.ts';
import { orderAnswer, ownOrder } from './orders.ts';
import { authorizationsOf, orderState, stateOf } from './order-state.ts';
import { validityOf } from './profiles.ts';
import { refusal } from './problems.ts';
import type { Service } from './service.ts';
import { payloadOf, type SignedByAccount } from './signed-request.ts';
import { knownFirst } from './stored.ts';

/** How long a request waits for its certificate before it is asked to poll again. */
const patience = { seconds: 2 };

/**
 * Asks for the certificate of an order whose names are all proven. RFC 8555 §7.4. Who comes first
 * decides what is issued: all of it is written before anything is signed, so that there is one
 * certificate, whatever happens in between.
 */
export async function finalize(
  service: Service,
  request: SignedByAccount,
  { id }: { readonly id: string },
): Promise<Answer> {
  const { csr } = payloadOf(request);
  const ready = await readyOrder(service, request, id);
  const { identifiers } = ready.stored.record;
  const { weakKeyFault } = service;
  const { jwk, ...accepted } = acceptedCsr(csr, {
    identifiers,
    accountKey: request.key,
    weakKeyFault,
  });
  if (await isCompromised(service.storage, jwk))
    throw refusal(
      'badCSR',
      'the CSR is not accepted: its key was revoked as compromised, so make a new key',
    );
  const hasWaited = await checkCaaAgain(service, ready);
  const read = knownFirst(hasWaited ? undefined : ready, () => readyOrder(service, request, id));
  const decided = await untilWritten(async () => {
    const { stored } = await read();
    const now = timestamp(service.clock.now());
    const { current: issuer } = await service.issuers();
    const issuance: DecidedIssuance = {
      ...accepted,
      ...decidedBy({ ...service, issuer }, stored.record),
      serialNumber: newSerialNumber(),
      decidedAt: now,
      publicKey: Buffer.from(accepted.publicKey).toString('base64'),
    };
    const record: OrderRecord = { ...stored.record, status: 'processing', issuance };
    const [version = ''] = await service.storage.write([
      orders.changed(stored, record),
      issuances.put(id, { since: now }),
    ]);
    return { ...stored, record, version };
  });
  startIssuance(service, id, decided);
  return await answerSoon(service, request, id);
}

async function readyOrder(
  service: Service,
  request: SignedByAccount,
  id: string,
): Promise<ReadOrder> {
  const stored = await ownOrder(service, request, id);
  const all = await authorizationsOf(service.storage, stored.record);
  const { status } = stateOf(stored.record, all, service.clock.now());
  if (status !== 'ready')
    throw refusal(
      'orderNotReady',
      `the order is ${status}, and can be finalized only when it is ready`,
    );
  return { stored, authorizations: all.filter((authorization) => authorization !== undefined) };
}

function decidedBy(
  {
    profiles,
    defaultProfile,
    clock,
    issuer,
  }: Pick<Service, 'profiles' | 'defaultProfile' | 'clock'> & { readonly issuer: Issuer },
  { profile, notBefore, notAfter }: OrderRecord,
): Pick<DecidedIssuance, 'notBefore' | 'notAfter' | 'usages'> {
  const chosen = profiles.get(profile) ?? defaultProfile;
  const validity = validityOf(
    chosen,
    { notBefore, notAfter },
    { now: clock.now(), issuerEnds: issuer.notAfter },
  );
  const isOver = (moment: Temporal.Instant) => Temporal.Instant.compare(moment, clock.now()) <= 0;
  if (isOver(issuer.notAfter))
    throw new CaError(
      'ERR_CA_CERTIFICATE',
      `the issuing certificate has expired at ${issuer.notAfter}: make a new one`,
    );
  if (isOver(validity.notAfter) || Temporal.Instant.compare(validity.notAfter, issuer.notAfter) > 0)
    throw refusal(
      'malformed',
      'this CA can no longer issue for the time that the order asks for: make another order',
    );
  return {
    notBefore: validity.notBefore.toString(),
    notAfter: validity.notAfter.toString(),
    usages: chosen.usages,
  };
}

/** The order as soon as it is valid, or as it is after a while. */
async function answerSoon(service: Service, request: SignedByAccount, id: string): Promise<Answer> {
  const over = new AbortController();
  const tooLong = service.clock.sleep(patience, { signal: over.signal }).catch(() => {
    /* the certificate was there first */
  });
  await Promise.race([service.background.done(`issuance of ${id}`), tooLong]);
  over.abort();
  const { record } = await ownOrder(service, request, id);
  return orderAnswer(service, 200, id, record, await orderState(service, record));
}
