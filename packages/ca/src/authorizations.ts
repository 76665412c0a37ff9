import { randomBytes } from 'node:crypto';
import { persistOfferMembers } from '@acmex/protocol/drafts';
import { newId, type Stored, untilWritten } from '@acmex/storage';
import { type Answer, json } from './answer.ts';
import {
  type AuthorizationRecord,
  authorizations,
  type ChallengeRecord,
  coverageIds,
  covering,
  isSlow,
  statusOf,
  validAuthorizations,
} from './authorization-records.ts';
import { checkAllowed, type OrderedName, readIdentifier } from './identifiers.ts';
import { checkPending, pending } from './pending.ts';
import { refusal, refusedNames } from './problems.ts';
import { limited } from './rate-limits.ts';
import type { Service } from './service.ts';
import { payloadOf, type SignedByAccount } from './signed-request.ts';
import { reviveValidations } from './validations.ts';

export interface NewAuthorization {
  readonly id: string;
  readonly record: AuthorizationRecord;
}

/**
 * What has to be proven for a name, with the challenges that can prove it. A wildcard, and whatever
 * covers names below, by DNS records alone.
 */
export function authorizationFor(
  service: Pick<Service, 'clock' | 'lifetimes' | 'challengeTypes'>,
  account: string,
  { type, value, ancestorDomain }: OrderedName,
  { beforeOrder }: { readonly beforeOrder: boolean },
): NewAuthorization {
  const wildcard = value.startsWith('*.') && ancestorDomain === undefined;
  const subdomains = ancestorDomain !== undefined;
  const types = service.challengeTypes.filter((challengeType) =>
    offered(challengeType, { type, dnsOnly: wildcard || subdomains }),
  );
  if (types.length === 0)
    throw refusal('rejectedIdentifier', `this CA offers no challenge that could prove ${value}`, {
      identifier: { type, value },
    });
  return {
    id: newId('auth', service.clock),
    record: {
      account,
      wildcard,
      subdomains,
      beforeOrder,
      identifier: { type, value: ancestorDomain ?? value.replace(/^\*\./, '') },
      status: 'pending',
      expires: service.clock.now().add(service.lifetimes.order).round('second').toString(),
      challenges: types.map((challengeType) => ({
        type: challengeType,
        token: challengeType === 'dns-persist-01' ? undefined : newToken(),
        status: 'pending',
      })),
    },
  };
}

/** 256 random bits in base64url: the token of a challenge. RFC 8555 §8.1 asks for at least 128. */
function newToken(): string {
  return randomBytes(32).toString('base64url');
}

function offered(
  challenge: ChallengeRecord['type'],
  { type, dnsOnly }: { readonly type: string; readonly dnsOnly: boolean },
): boolean {
  const byDns = challenge.startsWith('dns-');
  return type === 'ip' ? !byDns : byDns || !dnsOnly;
}

/** One that is valid already and may serve for a new order. */
export async function reusable(
  { storage, clock, reuseAuthorizations }: Service,
  account: string,
  name: OrderedName,
) {
  return await covering(storage, account, name, {
    now: clock.now(),
    only: ({ beforeOrder }) => reuseAuthorizations || beforeOrder,
  });
}

/**
 * Makes an authorization before there is an order, or finds the valid one. RFC 8555 §7.4.1, RFC
 * 9444 §4.2
 */
export async function newAuthorization(
  service: Service,
  request: SignedByAccount,
): Promise<Answer> {
  const {
    account: {
      id: account,
      record: { externalAccount },
    },
  } = request;
  const { identifier, subdomainAuthAllowed } = payloadOf(request);
  const name = readIdentifier(identifier);
  if ('detail' in name) throw refusedNames([name]);
  if (name.value.startsWith('*.'))
    throw refusal('malformed', 'an authorization before an order is for no wildcard: order it', {
      identifier: { type: name.type, value: name.value },
    });
  await limited(service.rateLimiter, 'authorization', `account ${account}`);
  await checkAllowed(service, [name], service.defaultProfile, { id: account, externalAccount });
  const subdomains = subdomainAuthAllowed === true && name.type === 'dns';
  const known = await covering(service.storage, account, name, {
    now: service.clock.now(),
    only: (candidate) => candidate.subdomains === subdomains,
  });
  if (known) return authorizationAnswer(service, 200, known);
  await checkPending(service, account, 1);
  const made = authorizationFor(
    service,
    account,
    subdomains ? { ...name, ancestorDomain: name.value } : name,
    { beforeOrder: true },
  );
  await service.storage.write([
    authorizations.added(made.id, made.record),
    pending.put(`${account}/${made.id}`, { authorizations: 1, expires: made.record.expires }),
  ]);
  return authorizationAnswer(service, 201, made);
}

/** Reads an authorization, or gives it up. RFC 8555 §7.5, §7.5.2 */
export async function authorization(
  service: Service,
  request: SignedByAccount,
  { id }: { readonly id: string },
): Promise<Answer> {
  const stored = await ownAuthorization(service, request, id);
  if (request.payload === undefined)
    return authorizationAnswer(service, 200, { id, record: stored.record });
  if (request.payload.status !== 'deactivated')
    throw refusal('malformed', 'the status of an authorization can be set to "deactivated" alone');
  return await untilWritten(async () => {
    const { record, ...now } = await ownAuthorization(service, request, id);
    const status = statusOf(record, service.clock.now());
    if (status === 'deactivated') return authorizationAnswer(service, 200, { id, record });
    if (status !== 'pending' && status !== 'valid')
      throw refusal('malformed', `an authorization that is ${status} cannot be deactivated`);
    const next: AuthorizationRecord = { ...record, status: 'deactivated' };
    await service.storage.write([
      authorizations.changed({ record, ...now }, next),
      { remove: pending.key(`${record.account}/${id}`) },
      ...coverageIds(record).map((coverageId) => ({ remove: validAuthorizations.key(coverageId) })),
    ]);
    return authorizationAnswer(service, 200, { id, record: next });
  });
}

/** An account's own authorization; of another's it is not said that there is one. */
export async function ownAuthorization(
  { storage }: Service,
  request: SignedByAccount,
  id: string,
): Promise<Stored<AuthorizationRecord>> {
  const stored = await authorizations.read(storage, id);
  if (stored?.record.account !== request.account.id)
    throw refusal('malformed', 'there is no such authorization of this account', { status: 404 });
  return stored;
}

function authorizationAnswer(
  service: Service,
  status: number,
  { id, record }: NewAuthorization,
): Answer {
  const now = statusOf(record, service.clock.now());
  reviveValidations(service, id, record);
  const url = service.urls.of(`/authorization/${id}`);
  // "the challenge that was validated", or those that were tried. RFC 8555 §7.1.4
  const decided = record.challenges.filter(
    (challenge) => challenge.status === (record.status === 'invalid' ? 'invalid' : 'valid'),
  );
  const challenges = decided.length > 0 ? decided : record.challenges;
  const isWaiting =
    record.status === 'pending' &&
    record.challenges.some((challenge) => isSlow(challenge, service.clock));
  return json(
    status,
    {
      status: now,
      identifier: record.identifier,
      ...(record.wildcard ? { wildcard: true } : {}),
      ...(record.subdomains ? { subdomainAuthAllowed: true } : {}),
      expires: record.expires,
      challenges: challenges.map((challenge) =>
        challengeObject(service, { id, account: record.account }, challenge),
      ),
    },
    { headers: { location: url, ...(isWaiting ? { 'retry-after': '1' } : {}) } },
  );
}

/** Returns the object that shows a challenge. RFC 8555 §7.1.5 */
export function challengeObject(
  { urls, drafts: { persist } }: Pick<Service, 'urls' | 'drafts'>,
  { id, account }: { readonly id: string; readonly account: string },
  { type, token, status, validated, error }: ChallengeRecord,
): object {
  const offer =
    type === 'dns-persist-01' && persist
      ? persistOfferMembers(persist.draft, {
          ...persist,
          accountUri: urls.of(`/account/${account}`),
        })
      : {};
  return {
    type,
    url: urls.of(`/challenge/${id}/${type}`),
    status,
    token,
    ...offer,
    validated,
    error,
  };
}
