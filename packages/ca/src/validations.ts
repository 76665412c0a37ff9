import { withTimeLimit } from '@acmex/clock';
import { accountUris } from '@acmex/protocol/drafts';
import { Temporal } from 'temporal-polyfill';
import { type Stored, untilWritten } from '@acmex/storage';
import {
  type AuthorizationRecord,
  authorizations,
  type ChallengeRecord,
  coverageIds,
  validAuthorizations,
  validations,
} from './authorization-records.ts';
import { type AccountRecord, accounts } from './account-records.ts';
import type { ValidationRequest, ValidationVerdict } from './challenge-validator.ts';
import { pending } from './pending.ts';
import { problem, type ProblemDocument, type ProblemType } from './problems.ts';
import { thumbprintOf } from './public-key.ts';
import type { Service } from './service.ts';
import { knownFirst } from './stored.ts';

const tryLimit = { seconds: 10 };
/** After this, a validation that is still under way has lost the process that did it. */
const longest = { minutes: 2 };
const shownTypes: readonly ProblemType[] = [
  'caa',
  'connection',
  'dns',
  'incorrectResponse',
  'malformed',
  'rejectedIdentifier',
  'serverInternal',
  'tls',
  'unauthorized',
];

interface StartedValidation {
  readonly id: string;
  readonly type: ChallengeRecord['type'];
  readonly taken?: Stored<AuthorizationRecord> | undefined;
}

/**
 * Validates a challenge that is `processing`, behind the requests' backs.
 * @param taken Its authorization as it was just written; read where it is absent.
 */
export function startValidation(service: Service, { id, type, taken }: StartedValidation): void {
  const read = knownFirst(taken, () => authorizations.read(service.storage, id));
  const name = `validation of ${id} by ${type}`;
  service.background.run(name, async ({ signal }) => {
    for (let attempt = 0; ; attempt++) {
      const stored = await read();
      const authorization = stored?.record;
      const challenge = authorization?.challenges.find((challenge) => challenge.type === type);
      if (!authorization || challenge?.status !== 'processing')
        return await forget(service, id, type);
      const verdict = await lookUp(service, authorization, challenge, signal);
      if (verdict.valid === true)
        return await settle(service, {
          id,
          stored,
          challenge: {
            ...challenge,
            status: 'valid',
            validated: service.clock.now().round('second').toString(),
            error: undefined,
          },
          until: verdict.until,
        });
      const pause = service.validationPauses[attempt];
      if (pause === undefined) {
        await settle(service, {
          id,
          stored,
          challenge: {
            ...challenge,
            status: 'invalid',
            error: shownProblem(verdict, authorization),
          },
        });
        if (verdict.type.endsWith('serverInternal') && verdict.cause !== undefined)
          throw verdict.cause;
        return;
      }
      await service.clock.sleep(pause, { signal });
    }
  });
}

/**
 * One look. What the validator throws is a fault of ours, and no more than another reason to look
 * again.
 */
async function lookUp(
  service: Service,
  authorization: AuthorizationRecord,
  challenge: ChallengeRecord,
  signal: AbortSignal,
): Promise<ValidationVerdict> {
  const { validate, clock, storage, validationSlots } = service;
  const account = (await accounts.read(storage, authorization.account))?.record;
  if (account?.status !== 'valid')
    return { type: 'unauthorized', detail: 'the account was deactivated' };
  try {
    const request = await requestFor(service, { authorization, challenge, account });
    if (!request)
      return { type: 'serverInternal', detail: `this CA offers ${challenge.type} no longer` };
    return await validationSlots(authorization.account, () =>
      withTimeLimit(
        { clock, limit: tryLimit, signal },
        async (limit) => await validate(request, { signal: limit }),
      ),
    );
  } catch (cause) {
    signal.throwIfAborted();
    const late =
      typeof cause === 'object' &&
      cause !== null &&
      'code' in cause &&
      cause.code === 'ERR_TIME_LIMIT';
    return late
      ? { type: 'connection', detail: `there was no answer within ${tryLimit.seconds} seconds` }
      : {
          type: 'serverInternal',
          detail: "the validation failed for a reason of this CA's own",
          cause,
        };
  }
}

/** What is asked of the validator; `undefined` for a challenge that a server before has offered. */
async function requestFor(
  { urls, drafts: { persist } }: Service,
  {
    authorization,
    challenge,
    account,
  }: {
    readonly authorization: AuthorizationRecord;
    readonly challenge: ChallengeRecord;
    readonly account: AccountRecord;
  },
): Promise<ValidationRequest | undefined> {
  const { identifier, wildcard, subdomains } = authorization;
  const accountUrl = urls.of(`/account/${authorization.account}`);
  const { type, token = '', keyAuthorization = '' } = challenge;
  if (type !== 'dns-persist-01')
    return { type, identifier, wildcard, token, keyAuthorization, accountUrl };
  if (!persist) return undefined;
  const thumbprints = [
    thumbprintOf(account.key).toString('base64url'),
    ...(account.formerThumbprints ?? []),
  ];
  const uris = await accountUris(persist.draft, {
    url: accountUrl,
    thumbprints,
    domain: identifier.value,
    accountHashPrefix: persist.accountHashPrefix,
  });
  return {
    type,
    identifier,
    wildcard,
    accountUrl,
    issuers: persist.issuers,
    accountUris: uris,
    needsPolicy: wildcard || subdomains,
  };
}

function shownProblem(
  { type, detail }: Exclude<ValidationVerdict, { valid: true }>,
  { identifier }: AuthorizationRecord,
): ProblemDocument {
  const word = type.slice(type.lastIndexOf(':') + 1);
  return {
    ...problem(
      shownTypes.find((shownType) => shownType === word) ?? 'unauthorized',
      detail.slice(0, 1000),
      {
        identifier,
      },
    ),
    status: 403,
  };
}

interface SettledValidation {
  readonly id: string;
  /** The authorization as it was before the validation. */
  readonly stored: Stored<AuthorizationRecord> | undefined;
  readonly challenge: ChallengeRecord;
  readonly until?: Temporal.Instant | undefined;
}

/** Writes what came out, if the authorization still waits for it. */
async function settle(
  service: Service,
  { id, stored: before, challenge, until }: SettledValidation,
): Promise<void> {
  const read = knownFirst(before, () => authorizations.read(service.storage, id));
  await untilWritten(async () => {
    const stored = await read();
    if (stored?.record.status !== 'pending') return await forget(service, id, challenge.type);
    const { record } = stored;
    const valid = challenge.status === 'valid';
    const next: AuthorizationRecord = {
      ...record,
      status: valid ? 'valid' : 'invalid',
      expires: valid
        ? earliest(
            service.clock.now().add(service.lifetimes.authorization).round('second'),
            until,
          ).toString()
        : record.expires,
      challenges: record.challenges.map((candidate) =>
        candidate.type === challenge.type ? challenge : candidate,
      ),
    };
    await service.storage.write([
      authorizations.changed(stored, next),
      { remove: validations.key(`${id}/${challenge.type}`) },
      { remove: pending.key(`${record.account}/${id}`) },
      ...(valid
        ? coverageIds(record).map((coverageId) =>
            validAuthorizations.put(coverageId, { authorization: id }),
          )
        : []),
    ]);
    if (!valid) service.countedOrders?.failed(record.account, record.identifier.value);
  });
}

/** A proof is not relied on after its own end. */
function earliest(usual: Temporal.Instant, until: Temporal.Instant | undefined): Temporal.Instant {
  return until && Temporal.Instant.compare(until, usual) < 0 ? until : usual;
}

async function forget(
  { storage }: Service,
  id: string,
  type: ChallengeRecord['type'],
): Promise<void> {
  await storage.write([{ remove: validations.key(`${id}/${type}`) }]);
}

/** Takes up what a process left that is gone, once a client asks for it. */
export function reviveValidations(
  service: Service,
  id: string,
  { status, challenges }: AuthorizationRecord,
): void {
  if (status !== 'pending') return;
  for (const { type, status: state, since } of challenges) {
    if (state !== 'processing' || since === undefined) continue;
    const lost = service.clock.now().subtract(longest);
    if (Temporal.Instant.compare(since, lost) < 0) startValidation(service, { id, type });
  }
}

/** Takes up what the last start left. */
export async function resumeValidations(service: Service): Promise<void> {
  const onCorrupt = service.background.report('resuming validations');
  for await (const { key } of validations.list(service.storage, { onCorrupt })) {
    const [id = '', type] = key.split('/').slice(-2);
    startValidation(service, { id, type: type as ChallengeRecord['type'] });
  }
}
