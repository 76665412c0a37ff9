import { ariCertificateId, parseChain } from '@acmex/certificate';
import {
  AcmeClient,
  type ChallengeSolver,
  type IssuanceProgress,
  type IssuanceState,
  nameOf,
} from '@acmex/client';
import { errorCode } from '@acmex/errors';
import { identifiers } from '@acmex/identifier';
import type {
  Issuer,
  IssuerRequest,
  IssuerStep,
  JsonObject,
  RenewalInfo,
} from '@acmex/orchestrator';
import {
  type AcmeSession,
  getRenewalInfo,
  type RevocationReason,
  revocationReasons,
  revokeCertificate,
} from '@acmex/protocol';
import { Temporal } from 'temporal-polyfill';
import { ManagerError } from './errors.ts';

export interface AcmeIssuerOptions {
  /** `[a-z0-9-]`, 1 to 40. */
  readonly name: string;
  /**
   * Opens the account at the CA. Called when the account is first needed, and again after a
   * failure.
   */
  readonly session: (options: {
    readonly signal?: AbortSignal | undefined;
  }) => Promise<AcmeSession>;
  /** Returns the solvers for a certificate's record of challenge settings. */
  readonly solvers: (proof: JsonObject | undefined) => Promise<readonly ChallengeSolver[]>;
  /**
   * Returns a test for the chain that is preferred, for the same record; the CA's first chain by
   * default.
   */
  readonly prefer?:
    ((proof: JsonObject | undefined) => ((pem: string) => boolean) | undefined) | undefined;
  readonly onProgress?: ((progress: IssuanceProgress) => void) | undefined;
}

/** Opens the session once; `reset` makes the next call open it again. */
interface SharedSession {
  get(signal: AbortSignal | undefined): Promise<AcmeSession>;
  reset(): void;
}

/** An issuer that can open its account before it is asked for a certificate. */
export interface AcmeIssuer extends Issuer {
  /** Opens the account; everything that the issuer does later uses the same session. */
  openSession(options?: { readonly signal?: AbortSignal | undefined }): Promise<AcmeSession>;
}

/** Adapts an ACME account (RFC 8555, RFC 9773) to the orchestrator's `Issuer`. */
export function acmeIssuer(options: AcmeIssuerOptions): AcmeIssuer {
  const { name, solvers } = options;
  const session = sharedSession(options.session);
  return {
    name,
    openSession: async ({ signal } = {}) => await session.get(signal),
    issue: async (request, issueOptions) => await issue(request, issueOptions, options, session),
    async abandon(state, { proof } = {}) {
      const client = new AcmeClient({
        session: await session.get(undefined),
        solvers: await solvers(proof),
      });
      await client.abandon(state as unknown as IssuanceState);
    },
    async revoke(chain, { reason, signal } = {}) {
      await revoke(await session.get(signal), chain, reason, signal);
    },
    renewalInfo: async (chain, { signal } = {}) =>
      await renewalInfo(await session.get(signal), chain, signal),
  };
}

function sharedSession(open: AcmeIssuerOptions['session']): SharedSession {
  let opened: Promise<AcmeSession> | undefined;
  const reset = () => {
    opened = undefined;
  };
  return {
    async get(signal) {
      opened ??= open({ signal }).catch((error: unknown) => {
        reset();
        throw error;
      });
      return await opened;
    },
    reset,
  };
}

/** After these another process may have replaced the account's key: the session is opened again. */
const accountErrors: ReadonlySet<string | undefined> = new Set([
  'ERR_ACME_UNAUTHORIZED',
  'ERR_ACME_MALFORMED',
  'ERR_ACME_ACCOUNT_DOES_NOT_EXIST',
]);

async function issue(
  request: IssuerRequest,
  { state, save, onStep, signal }: Parameters<Issuer['issue']>[1],
  { solvers, prefer, onProgress }: AcmeIssuerOptions,
  session: SharedSession,
): Promise<string> {
  const account = await session.get(signal);
  const client = new AcmeClient({ session: account, solvers: await solvers(request.proof) });
  const order = async (replaces: string | undefined) =>
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
        save: async (next) => await save(toJson(next)),
        onProgress(progress) {
          onProgress?.(progress);
          onStep?.(toStep(progress));
        },
        signal,
      },
    );
  const replaces = await replacedCertificate(account, request, signal);
  try {
    return (await order(replaces)).pem;
  } catch (error) {
    const code = errorCode(error);
    if (accountErrors.has(code)) session.reset();
    // Another order of this account replaces the certificate already (RFC 9773 §5): order without
    // the reference.
    if (replaces === undefined || code !== 'ERR_ACME_ALREADY_REPLACED') throw error;
    return (await order(undefined)).pem;
  }
}

async function revoke(
  session: AcmeSession,
  chain: string,
  reason: string | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (reason !== undefined && !Object.hasOwn(revocationReasons, reason))
    throw new ManagerError(
      'ERR_MANAGER_ISSUER',
      `${JSON.stringify(reason)} is not a valid reason to revoke a certificate: use one of ${Object.keys(revocationReasons).join(', ')}`,
    );
  const [leaf] = parseChain(chain);
  if (!leaf) return;
  await revokeCertificate(session, leaf.der, {
    ...(reason === undefined ? {} : { reason: reason as RevocationReason }),
    signal,
  });
}

async function renewalInfo(
  session: AcmeSession,
  chain: string,
  signal: AbortSignal | undefined,
): Promise<RenewalInfo | undefined> {
  const [leaf] = parseChain(chain);
  if (!leaf || (await session.directory({ signal })).renewalInfo === undefined) return undefined;
  const {
    suggestedWindow: { start, end },
    explanationURL,
    retryAfter,
  } = await getRenewalInfo(session, ariCertificateId(leaf), { signal });
  return {
    window: { start: Temporal.Instant.from(start), end: Temporal.Instant.from(end) },
    explanationUrl: explanationURL,
    askAgainAt: Temporal.Instant.from(retryAfter),
  };
}

/**
 * Returns the id of the certificate that the order replaces, for a CA with renewal information. RFC
 * 9773 §5
 */
async function replacedCertificate(
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

function toStep(progress: IssuanceProgress): IssuerStep {
  return {
    type: progress.type,
    ...('identifier' in progress ? { name: nameOf(progress) } : {}),
    ...('order' in progress ? { url: progress.order } : {}),
    ...(progress.type === 'left-on-display' ? { message: String(progress.error) } : {}),
  };
}

function toJson(state: IssuanceState): JsonObject {
  return JSON.parse(JSON.stringify(state)) as JsonObject;
}
