import { timestamp } from '@acmex/clock';
import { type Stored, untilWritten } from '@acmex/storage';
import { type Answer, json } from './answer.ts';
import {
  type AuthorizationRecord,
  authorizations,
  type ChallengeRecord,
  isSlow,
  statusOf,
  validations,
} from './authorization-records.ts';
import { challengeObject, ownAuthorization } from './authorizations.ts';
import { refusal } from './problems.ts';
import { thumbprintOf } from './public-key.ts';
import type { Service } from './service.ts';
import type { SignedByAccount } from './signed-request.ts';
import { reviveValidations, startValidation } from './validations.ts';

interface Which {
  readonly id: string;
  readonly type: string;
}

/**
 * Reads a challenge, or takes it up once the client says `{}`: that its answer is in place. RFC
 * 8555 §7.5.1
 */
export async function challenge(
  service: Service,
  request: SignedByAccount,
  { id, type }: Which,
): Promise<Answer> {
  return await untilWritten(async () => {
    const stored = await ownAuthorization(service, request, id);
    const challenge = stored.record.challenges.find((challenge) => challenge.type === type);
    if (!challenge)
      throw refusal('malformed', 'there is no such challenge of this authorization', {
        status: 404,
      });
    const waits =
      statusOf(stored.record, service.clock.now()) === 'pending' && challenge.status === 'pending';
    if (request.payload === undefined || !waits) {
      reviveValidations(service, id, stored.record);
      return challengeAnswer(service, stored, { id, challenge });
    }
    const taken = await takenUp(service, request, stored, { id, challenge });
    startValidation(service, { id, type: challenge.type, taken: taken.stored });
    return challengeAnswer(service, taken.stored, { id, challenge: taken.challenge });
  });
}

/** What the client has said is written before it is answered, so that no restart loses it. */
async function takenUp(
  { storage, clock }: Service,
  { key }: SignedByAccount,
  stored: Stored<AuthorizationRecord>,
  { id, challenge }: { readonly id: string; readonly challenge: ChallengeRecord },
): Promise<{ readonly stored: Stored<AuthorizationRecord>; readonly challenge: ChallengeRecord }> {
  const since = timestamp(clock.now());
  const taken: ChallengeRecord = {
    ...challenge,
    status: 'processing',
    since,
    keyAuthorization:
      challenge.token === undefined
        ? undefined
        : `${challenge.token}.${thumbprintOf(key).toString('base64url')}`,
  };
  const challenges = stored.record.challenges.map((candidate) =>
    candidate === challenge ? taken : candidate,
  );
  const record: AuthorizationRecord = { ...stored.record, challenges };
  const [version = ''] = await storage.write([
    authorizations.changed(stored, record),
    validations.put(`${id}/${challenge.type}`, { since }),
  ]);
  return { stored: { ...stored, record, version }, challenge: taken };
}

function challengeAnswer(
  service: Service,
  { record: { account } }: Stored<AuthorizationRecord>,
  { id, challenge }: { readonly id: string; readonly challenge: ChallengeRecord },
): Answer {
  return json(200, challengeObject(service, { id, account }, challenge), {
    headers: {
      location: service.urls.of(`/challenge/${id}/${challenge.type}`),
      ...(isSlow(challenge, service.clock) ? { 'retry-after': '1' } : {}),
    },
    links: [[service.urls.of(`/authorization/${id}`), 'up']],
  });
}
