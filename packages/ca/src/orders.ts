import type { JsonObject } from '@acmex/protocol';
import { Temporal } from 'temporal-polyfill';
import { newId, type Stored, untilWritten } from '@acmex/storage';
import { type Answer, json } from './answer.ts';
import { authorizationFor, type NewAuthorization, reusable } from './authorizations.ts';
import { authorizations } from './authorization-records.ts';
import { checkNotCompromised } from './compromised-keys.ts';
import { checkAllowed, type OrderedName, readIdentifiers } from './identifiers.ts';
import { accountOrders, type OrderRecord, orders } from './order-records.ts';
import { type OrderState, orderState, stateOf } from './order-state.ts';
import { checkPending, pending } from './pending.ts';
import { type AskedValidity, type Profile, validityFault } from './profiles.ts';
import { refusal } from './problems.ts';
import { limited } from './rate-limits.ts';
import { replacing } from './replacement.ts';
import { reviveIssuance } from './issuance.ts';
import { isRenewalInWindow } from './renewal-info.ts';
import type { Service } from './service.ts';
import { payloadOf, readsOnly, type SignedByAccount } from './signed-request.ts';

/** Asks for a certificate. RFC 8555 §7.4 */
export async function newOrder(service: Service, request: SignedByAccount): Promise<Answer> {
  const {
    account: {
      id: account,
      record: { externalAccount },
    },
  } = request;
  const asked = payloadOf(request);
  await checkNotCompromised(service.storage, request.key);
  const names = readIdentifiers(asked.identifiers, service.limits.identifiers);
  const profile = profileOf(service, asked.profile);
  const wishes = {
    notBefore: readMoment('notBefore', asked.notBefore),
    notAfter: readMoment('notAfter', asked.notAfter),
  };
  await limited(service.rateLimiter, 'order', `account ${account}`);
  service.housekeeping();
  await checkAllowed(service, names, profile, { id: account, externalAccount });
  if (service.countedOrders) {
    const isInWindow = await isRenewalInWindow(service, {
      account,
      names,
      replaces: asked.replaces,
    });
    service.countedOrders.add({ account, names, isInWindow });
  }
  return await untilWritten(() => written(service, { account, asked, names, profile, wishes }));
}

interface AskedOrder {
  readonly account: string;
  readonly asked: JsonObject;
  readonly names: readonly OrderedName[];
  readonly profile: Profile;
  readonly wishes: AskedValidity;
}

async function written(
  service: Service,
  { account, asked, names, profile, wishes }: AskedOrder,
): Promise<Answer> {
  const id = newId('ord', service.clock);
  const replaced =
    asked.replaces === undefined
      ? []
      : await replacing(service, { account, order: id, replaces: asked.replaces, names });
  const { made, all } = await authorizationsFor(service, account, names);
  const { clock, storage } = service;
  await checkPending(service, account, made.length);
  const order: OrderRecord = {
    account,
    status: 'open',
    authorizations: all.map((authorization) => authorization.id),
    profile: profile.name,
    profileAsked: asked.profile !== undefined,
    identifiers: names.map(({ type, value }) => ({ type, value })),
    expires: clock.now().add(service.lifetimes.order).round('second').toString(),
    ...(await permittedValidity(service, profile, wishes)),
    ...(replaced.length > 0 ? { replaces: String(asked.replaces) } : {}),
  };
  // A write takes 100 changes, and an order may have as many names: what comes first is found by
  // no one until the order is there.
  const added = made.map(({ id, record }) => authorizations.added(id, record));
  while (added.length > mostWithOrder) await storage.write(added.splice(0, mostWithOrder));
  await storage.write([
    ...added,
    orders.added(id, order),
    ...replaced,
    accountOrders.put(`${account}/${id}`, { expires: order.expires }),
    pending.put(`${account}/${id}`, { authorizations: made.length, expires: order.expires }),
  ]);
  const records = all.map(({ record }) => record);
  return orderAnswer(service, 201, id, order, stateOf(order, records, clock.now()));
}

/** How many authorizations are written together with their order. */
const mostWithOrder = 90;

function profileOf({ profiles, defaultProfile }: Service, asked: unknown): Profile {
  if (asked === undefined) return defaultProfile;
  const profile = typeof asked === 'string' ? profiles.get(asked) : undefined;
  if (!profile)
    throw refusal('invalidProfile', `the "profile" is none of ${[...profiles.keys()].join(', ')}`);
  return profile;
}

function readMoment(name: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  try {
    return Temporal.Instant.from(typeof value === 'string' ? value : '')
      .round({ smallestUnit: 'second', roundingMode: 'floor' })
      .toString();
  } catch {
    throw refusal('malformed', `"${name}" is not a date and time as RFC 3339 defines them`);
  }
}

/**
 * Returns the lifetime that an order asks for, in whole seconds.
 * @throws Refusal `malformed` if the profile does not permit it
 */
async function permittedValidity(
  { clock, issuers }: Service,
  profile: Profile,
  asked: AskedValidity,
): Promise<AskedValidity> {
  const { current } = await issuers();
  const issuerEnds = current.notAfter;
  const fault = validityFault(profile, asked, { now: clock.now(), issuerEnds });
  if (fault !== undefined) throw refusal('malformed', fault);
  return asked;
}

/** For each name an authorization: a valid one where it may serve, else a new one; each once. */
async function authorizationsFor(
  service: Service,
  account: string,
  names: readonly OrderedName[],
): Promise<{
  readonly made: readonly NewAuthorization[];
  readonly all: readonly NewAuthorization[];
}> {
  const made = new Map<string, NewAuthorization>();
  const all = new Map<string, NewAuthorization>();
  for (const name of names) {
    const known = await reusable(service, account, name);
    const added = known
      ? undefined
      : authorizationFor(service, account, name, { beforeOrder: false });
    const same =
      added &&
      `${added.record.identifier.type} ${added.record.identifier.value} ${added.record.wildcard} ${added.record.subdomains}`;
    if (added && same !== undefined && !made.has(same)) made.set(same, added);
    const authorization = known ?? (same === undefined ? undefined : made.get(same));
    if (authorization) all.set(authorization.id, authorization);
  }
  return { made: [...made.values()], all: [...all.values()] };
}

/** RFC 8555 §7.4 */
export async function order(
  service: Service,
  request: SignedByAccount,
  { id }: { readonly id: string },
): Promise<Answer> {
  readsOnly(request);
  const { record } = await ownOrder(service, request, id);
  reviveIssuance(service, id, record);
  return orderAnswer(service, 200, id, record, await orderState(service, record));
}

/** An account's own order; of another's it is not said that there is one. */
export async function ownOrder(
  { storage }: Service,
  request: SignedByAccount,
  id: string,
): Promise<Stored<OrderRecord>> {
  const stored = await orders.read(storage, id);
  if (stored?.record.account !== request.account.id)
    throw refusal('malformed', 'there is no such order of this account', { status: 404 });
  return stored;
}

/** Returns the answer that shows an order. RFC 8555 §7.1.3 */
export function orderAnswer(
  { urls }: Service,
  status: number,
  id: string,
  record: OrderRecord,
  state: OrderState,
): Answer {
  const url = urls.of(`/order/${id}`);
  return json(
    status,
    {
      status: state.status,
      expires: record.expires,
      identifiers: record.identifiers,
      ...(record.profileAsked ? { profile: record.profile } : {}),
      notBefore: record.notBefore,
      notAfter: record.notAfter,
      replaces: record.replaces,
      error: state.error,
      authorizations: record.authorizations.map((authorization) =>
        urls.of(`/authorization/${authorization}`),
      ),
      finalize: `${url}/finalize`,
      certificate:
        state.status === 'valid' && record.issuance
          ? urls.of(`/certificate/${record.issuance.serialNumber}`)
          : undefined,
    },
    {
      headers: { location: url, ...(state.status === 'processing' ? { 'retry-after': '1' } : {}) },
    },
  );
}
