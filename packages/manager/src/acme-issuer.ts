import { ariCertificateId, parseChain } from '@acmex/certificate';
import {
  AcmeClient,
  type ChallengeSolver,
  type IssuanceProgress,
  type IssuanceState,
  nameOf,
} from '@acmex/client';
import type { Issuer, IssuerRequest, IssuerStep, JsonObject } from '@acmex/orchestrator';
import {
  type AcmeSession,
  getRenewalInfo,
  identifiers,
  type RevocationReason,
  revocationReasons,
  revokeCertificate,
} from '@acmex/protocol';
import { Temporal } from 'temporal-polyfill';
import { ManagerError } from './errors.ts';
import { errorCode } from '@acmex/errors';

export interface AcmeIssuerOptions {
  /** `[a-z0-9-]`, 1 to 40. */
  readonly name: string;
  /** The account at the CA; asked for when it is needed, and again after a failure. */
  readonly session: (options: {
    readonly signal?: AbortSignal | undefined;
  }) => Promise<AcmeSession>;
  /** Who proves the names of a certificate, by its record's `proof`. */
  readonly solvers: (proof: JsonObject | undefined) => Promise<readonly ChallengeSolver[]>;
  /** Which of the CA's chains is wanted, by the same; the CA's first by default. */
  readonly prefer?:
    ((proof: JsonObject | undefined) => ((pem: string) => boolean) | undefined) | undefined;
  readonly onProgress?: ((progress: IssuanceProgress) => void) | undefined;
}

/** An ACME account as the issuer that the orchestrator knows: names, keys and windows on one side, RFC 8555 and RFC 9773 on the other. */
export function acmeIssuer({
  name,
  session: open,
  solvers,
  prefer,
  onProgress = () => {
    /* nobody looks */
  },
}: AcmeIssuerOptions): Issuer {
  let opened: Promise<AcmeSession> | undefined;
  const session = async (signal: AbortSignal | undefined) =>
    await (opened ??= open({ signal }).catch((error: unknown) => {
      opened = undefined;
      throw error;
    }));
  return {
    name,
    async issue(
      request,
      {
        state,
        save,
        onStep = () => {
          /* nobody looks */
        },
        signal,
      },
    ) {
      const account = await session(signal);
      const client = new AcmeClient({ session: account, solvers: await solvers(request.proof) });
      const told = (progress: IssuanceProgress) => {
        onProgress(progress);
        onStep(stepOf(progress));
      };
      const issue = async (replaces: string | undefined) =>
        await client.issue(
          {
            identifiers: identifiers(request.names),
            csr: request.csr,
            profile: request.profile,
            replaces,
            prefer: prefer?.(request.proof),
          },
          {
            state: state as IssuanceState | undefined,
            save: async (next) => {
              await save(jsonOf(next));
            },
            onProgress: told,
            signal,
          },
        );
      const replaces = await replacedBy(account, request, signal);
      const chain = await issue(replaces).catch(async (error: unknown) => {
        // Another process may have given the account another key: it is looked at again.
        if (
          /^ERR_ACME_(UNAUTHORIZED|MALFORMED|ACCOUNT_DOES_NOT_EXIST)$/.test(errorCode(error) ?? '')
        )
          opened = undefined;
        // Another order of this account has replaced it already: RFC 9773 §5. That is no reason to go without a certificate.
        if (replaces === undefined || errorCode(error) !== 'ERR_ACME_ALREADY_REPLACED') throw error;
        return await issue(undefined);
      });
      return chain.pem;
    },
    async abandon(state, { proof } = {}) {
      await new AcmeClient({
        session: await session(undefined),
        solvers: await solvers(proof),
      }).abandon(state as unknown as IssuanceState);
    },
    async revoke(chain, { reason, signal } = {}) {
      if (reason !== undefined && !Object.hasOwn(revocationReasons, reason))
        throw new ManagerError(
          'ERR_MANAGER_ISSUER',
          `${JSON.stringify(reason)} is no reason to revoke: choose among ${Object.keys(revocationReasons).join(', ')}`,
        );
      const [leaf] = parseChain(chain);
      if (leaf)
        await revokeCertificate(await session(signal), leaf.der, {
          ...(reason === undefined ? {} : { reason: reason as RevocationReason }),
          signal,
        });
    },
    async renewalInfo(chain, { signal } = {}) {
      const account = await session(signal);
      const [leaf] = parseChain(chain);
      if (!leaf || (await account.directory({ signal })).renewalInfo === undefined)
        return undefined;
      const {
        suggestedWindow: { start, end },
        explanationURL,
        retryAfter,
      } = await getRenewalInfo(account, ariCertificateId(leaf), { signal });
      return {
        window: { start: Temporal.Instant.from(start), end: Temporal.Instant.from(end) },
        explanationUrl: explanationURL,
        askAgainAt: Temporal.Instant.from(retryAfter),
      };
    },
  };
}

/** The name of the certificate that is followed, for a CA that wants to know. RFC 9773 §5 */
async function replacedBy(
  session: AcmeSession,
  { replaces }: IssuerRequest,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const [leaf] = replaces === undefined ? [] : parseChain(replaces);
  return leaf?.authorityKeyIdentifier !== undefined &&
    (await session.directory({ signal })).renewalInfo !== undefined
    ? ariCertificateId(leaf)
    : undefined;
}

function stepOf(progress: IssuanceProgress): IssuerStep {
  return {
    type: progress.type,
    ...('identifier' in progress ? { name: nameOf(progress) } : {}),
    ...('order' in progress ? { url: progress.order } : {}),
    ...(progress.type === 'left-on-display' ? { message: String(progress.error) } : {}),
  };
}

function jsonOf(state: IssuanceState): JsonObject {
  return JSON.parse(JSON.stringify(state)) as JsonObject;
}
