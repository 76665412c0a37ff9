import type { DnsAccountDraft } from '@acmex/challenge/dns-account-01';
import type { DnsPersistDraft } from '@acmex/challenge/dns-persist-01';
import type { JsonObject } from '@acmex/orchestrator';
import type { ChallengeType } from '@acmex/protocol';
import type { DraftChallengeType } from '@acmex/protocol/drafts';

/** How control of a certificate's names is validated. */
export interface ChallengeConfig {
  readonly challenge: ChallengeType | DraftChallengeType;
  /** The draft version of a challenge that is not an RFC yet. */
  readonly challengeDraft?: DnsAccountDraft | DnsPersistDraft | undefined;
  readonly httpPort?: number | undefined;
  readonly httpHost?: string | undefined;
  readonly webroot?: string | undefined;
  readonly tlsPort?: number | undefined;
  readonly tlsHost?: string | undefined;
  /**
   * The provider that writes all records. By default each name chooses its provider: see
   * `DnsProviders.choose`.
   */
  readonly dnsProvider?: string | undefined;
  /** The variables that configure `dnsProvider`; null where the value is a stored credential. */
  readonly dnsVariables?: Readonly<Record<string, string | null>> | undefined;
  /** Names of the environment variables that a program which writes records sees. */
  readonly dnsEnv?: readonly string[] | undefined;
  readonly dnsResolver?: readonly string[] | undefined;
  /** Seconds, or `skip`. */
  readonly propagationWait?: number | 'skip' | undefined;
  /** Seconds. */
  readonly propagationTimeout?: number | undefined;
}

const fields = [
  'challenge',
  'challengeDraft',
  'httpPort',
  'httpHost',
  'webroot',
  'tlsPort',
  'tlsHost',
  'dnsProvider',
  'dnsVariables',
  'dnsEnv',
  'dnsResolver',
  'propagationWait',
  'propagationTimeout',
] as const satisfies readonly (keyof ChallengeConfig)[];

/** Returns the fields that are persisted with a certificate. */
export function serializeChallenge(config: Partial<ChallengeConfig>): JsonObject {
  return JSON.parse(
    JSON.stringify(Object.fromEntries(fields.map((field) => [field, config[field]]))),
  ) as JsonObject;
}

/** Returns what a certificate's record says, and the defaults where the record says nothing. */
export function resolveChallenge(
  record: JsonObject | undefined,
  defaults: ChallengeConfig,
): ChallengeConfig {
  // Only `serializeChallenge` writes these records.
  return { ...defaults, ...(record as Partial<ChallengeConfig>) };
}
