import type { IssuanceState } from '@acmex/client';
import { type Clock, mapConcurrent, systemClock, withTimeLimit } from '@acmex/clock';
import { lookUp, type RecordAnswer, recordAnswers } from '@acmex/dns';
import { errorCode, errorText } from '@acmex/errors';
import {
  type Awaited,
  awaitedText,
  type IssuerRequest,
  type JsonObject,
  type OrderDnsRecord,
} from '@acmex/orchestrator';
import type { AcmeIssuer } from './acme-issuer.ts';
import { type ChallengeConfig, resolveChallenge } from './challenge-config.ts';
import type { ResponseByName } from './dns-by-name.ts';
import type { DnsProviders } from './dns-providers.ts';
import { ManagerError } from './errors.ts';
import { resolverAddresses } from './solver.ts';

/** Records that are looked up at once, and how long one look-up may take. */
const limits = { atOnce: 8, lookUp: { seconds: 30 } };

/** What servers show of a DNS record that a person sets. */
export type RecordCheck = Pick<OrderDnsRecord, 'type' | 'name' | 'value' | 'domain'> &
  (
    | { readonly answers: readonly RecordAnswer[] }
    /** Why no server could be asked. */
    | { readonly error: string }
  );

/**
 * Looks up records once: at the resolvers of the configuration, else at all servers that answer for
 * their zones.
 */
export async function checkRecords(
  records: readonly Pick<OrderDnsRecord, 'type' | 'name' | 'value' | 'domain'>[],
  config: Pick<ChallengeConfig, 'dnsResolver'>,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<readonly RecordCheck[]> {
  const clock = systemClock;
  const servers = await resolverAddresses(config);
  const questions = lookUp({ clock, ...(servers ? { servers } : {}) });
  return await mapConcurrent(
    limits.atOnce,
    records,
    async ({ type, name, value, domain }): Promise<RecordCheck> => {
      const record = { type, name, value, domain };
      try {
        const answers = await withTimeLimit(
          { clock, limit: limits.lookUp, signal },
          async (limited) =>
            await recordAnswers(record, { clock, lookUp: questions, servers, signal: limited }),
        );
        return { ...record, answers };
      } catch (error) {
        signal?.throwIfAborted();
        return { ...record, error: errorText(error) };
      }
    },
  );
}

/** Whether all servers that were asked show a record. */
export function isSeen(check: RecordCheck): boolean {
  return 'answers' in check && check.answers.every(({ state }) => state === 'seen');
}

export interface AwaitingIssuerOptions {
  /** How names are validated where a certificate's record says nothing. */
  readonly challenge: ChallengeConfig;
  readonly dnsProviders?: DnsProviders | undefined;
  readonly clock: Clock;
}

/**
 * Returns an issuer that awaits the records which a person sets. Until all of them are visible,
 * nothing else is done: the CA is not asked, and no hook runs. Where they are not set in time, the
 * order at the CA is given up.
 */
export function awaitingIssuer(issuer: AcmeIssuer, options: AwaitingIssuerOptions): AcmeIssuer {
  const { challenge, clock } = options;
  return {
    ...issuer,
    async issue(request, issueOptions) {
      const { save, signal } = issueOptions;
      const lookUpRecords = async (state: JsonObject | undefined) =>
        await lookForRecords(state, resolveChallenge(request.proof, challenge), signal);
      let latest = withoutReplaced(issueOptions.state, request, options);
      const awaited = await lookUpRecords(latest);
      if (awaited?.until !== undefined && !awaited.records.every((record) => record.isSeen)) {
        if (Date.parse(awaited.until) > clock.now().epochMilliseconds) return awaited;
        await save(withoutOrder(latest));
        throw notSet(awaited, awaited.until);
      }
      try {
        return await issuer.issue(request, {
          ...issueOptions,
          state: latest,
          async save(next) {
            latest = next;
            await save(next);
          },
        });
      } catch (error) {
        const wanted =
          errorCode(error) === 'ERR_CLIENT_RESPONSE_WANTED'
            ? await lookUpRecords(latest)
            : undefined;
        if (!wanted) throw error;
        return wanted;
      }
    },
    async abandon(state, abandonOptions) {
      const remaining = withoutAttended(state, () => true);
      // What a person has set is theirs to remove: neither the CA nor a provider is needed.
      if (isEmpty(remaining) && !isEmpty(state)) return;
      await issuer.abandon(remaining, abandonOptions);
    },
  };
}

function notSet({ records }: Awaited, until: string): ManagerError {
  const missing = records.filter((record) => !record.isSeen).map(({ name }) => name);
  return new ManagerError(
    'ERR_MANAGER_RECORDS_NOT_SET',
    `${awaitedText(missing, until)}, and this was not seen: set the values of the next attempt`,
  );
}

/** Returns the records that an order at the CA awaits; undefined if it awaits none. */
async function lookForRecords(
  state: JsonObject | undefined,
  config: ChallengeConfig,
  signal: AbortSignal | undefined,
): Promise<Awaited | undefined> {
  const { order, expires, responses = [] } = (state ?? {}) as Partial<IssuanceState>;
  const records = responses.flatMap(({ response }) => {
    const { name, value, attendedName } = response as unknown as ResponseByName;
    return attendedName === undefined
      ? []
      : [{ type: 'TXT' as const, name, value, domain: attendedName }];
  });
  if (order === undefined || records.length === 0) return undefined;
  const checks = await checkRecords(records, config, { signal });
  return {
    records: checks.map((check, index) => ({
      ...(records[index] ?? check),
      isSeen: isSeen(check),
    })),
    until: expires,
  };
}

function withoutOrder(state: JsonObject | undefined): JsonObject {
  return { version: 1, responses: state?.responses ?? [] };
}

/** Leaves out the records of a provider that a person was, and no longer is. */
function withoutReplaced(
  state: JsonObject | undefined,
  { proof }: Pick<IssuerRequest, 'proof'>,
  { challenge, dnsProviders }: AwaitingIssuerOptions,
): JsonObject | undefined {
  const { challenge: type, dnsProvider: provider } = resolveChallenge(proof, challenge);
  const isReplaced = (name: string) =>
    (type !== 'dns-01' && type !== 'dns-account-01') ||
    !dnsProviders?.isAttended?.(dnsProviders.choose(name, { provider, type }));
  return state && withoutAttended(state, isReplaced);
}

function isEmpty({ responses }: JsonObject): boolean {
  return !Array.isArray(responses) || responses.length === 0;
}

/** Leaves out the responses of a state that a person publishes, for some names. */
function withoutAttended(state: JsonObject, isLeftOut: (name: string) => boolean): JsonObject {
  const { responses = [] } = state as unknown as Partial<IssuanceState>;
  const remaining = responses.filter(({ response: { attendedName } }) => {
    return typeof attendedName !== 'string' || !isLeftOut(attendedName);
  });
  return { ...state, responses: remaining as unknown as JsonObject[] };
}
