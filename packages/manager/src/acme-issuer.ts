import {
  ariCertificateId,
  type CryptoBackend,
  isChain,
  parseChain,
  webcrypto,
} from '@acmex/certificate';
import {
  AcmeClient,
  type ChallengeSolver,
  type IssuanceProgress,
  type IssuanceState,
  nameOf,
  removeResponses,
} from '@acmex/client';
import { accountKeyOf } from '@acmex/crypto-exec';
import { errorCode, errorText } from '@acmex/errors';
import { identifiers } from '@acmex/identifier';
import type {
  IssuedChains,
  Issuer,
  IssuerRequest,
  IssuerStep,
  JsonObject,
  RenewalInfo,
  RevocationSigner,
} from '@acmex/orchestrator';
import {
  type AccountKey,
  type AcmeSession,
  getRenewalInfo,
  type RevocationReason,
  revocationReasons,
  revokeCertificate,
  getAccount,
  AcmeError,
} from '@acmex/protocol';
import { Temporal } from 'temporal-polyfill';
import { ManagerError } from './errors.ts';

export interface AcmeIssuerOptions {
  /** `[a-z0-9-]`, 1 to 40. */
  readonly name: string;
  /**
   * Opens the account at the CA. Called when the account is first needed, and again after a
   * failure. `suspect` is the URL of an account that the CA did not accept: see `AccountOptions`.
   */
  readonly session: (options: {
    readonly signal?: AbortSignal | undefined;
    readonly suspect?: string | undefined;
  }) => Promise<AcmeSession>;
  /**
   * Opens a session without an account, for a revocation that the certificate's key signs; that of
   * `session` by default.
   */
  readonly keySession?: ((key: AccountKey) => Promise<AcmeSession>) | undefined;
  /** Returns the solvers for a certificate's record of challenge settings. */
  readonly solvers: (proof: JsonObject | undefined) => Promise<readonly ChallengeSolver[]>;
  /**
   * Returns the solver that removes responses of a type which `solvers` does not return, because the
   * certificate was validated in a different way before. By default these are left behind.
   */
  readonly formerSolver?:
    ((proof: JsonObject | undefined, type: string) => Promise<ChallengeSolver>) | undefined;
  /** Opens the references of keys in devices; WebCrypto by default, which opens none. */
  readonly crypto?: CryptoBackend | undefined;
  readonly onProgress?: ((progress: IssuanceProgress) => void) | undefined;
}

/** Opens the session once. */
interface SharedSession {
  get(signal: AbortSignal | undefined): Promise<AcmeSession>;
  /** Opens it again, because the CA did not accept the account; once for all that ask. */
  replace(refused: AcmeSession, signal: AbortSignal | undefined): Promise<AcmeSession>;
}

/** An issuer that can open its account before it is asked for a certificate. */
export interface AcmeIssuer extends Issuer {
  /** Opens the account; everything that the issuer does later uses the same session. */
  openSession(options?: { readonly signal?: AbortSignal | undefined }): Promise<AcmeSession>;
  /**
   * Does work with the account. If the CA has lost the account, or has another one for the key, does
   * it again with that account.
   */
  withSession<T>(
    work: (session: AcmeSession) => Promise<T>,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<T>;
}

/** Adapts an ACME account (RFC 8555, RFC 9773) to the orchestrator's `Issuer`. */
export function acmeIssuer(options: AcmeIssuerOptions): AcmeIssuer {
  const { name, crypto = webcrypto() } = options;
  const session = sharedSession(options.session);
  return {
    name,
    openSession: async ({ signal } = {}) => await session.get(signal),
    withSession: async (work, { signal } = {}) => await withAccount(session, signal, work),
    issue: async (request, issueOptions) => await issue(request, issueOptions, options, session),
    async abandon(state, { proof, onStep } = {}) {
      await removeResponses(state as unknown as IssuanceState, {
        solverOf: async (type) => await solverToRemove(type, proof, options),
        onProgress: (progress) => onStep?.(toStep(progress)),
      });
    },
    async revoke(chain, { reason, signal, ...signing } = {}) {
      await withSigner({ ...signing, signal }, { ...options, crypto, session }, (account, key) =>
        revoke(account, chain, { reason, key, signal }),
      );
    },
    async drillRevocation(_chain, { signal, ...signing } = {}) {
      return await withSigner(
        { ...signing, signal },
        { ...options, crypto, session },
        async (account, key) => {
          await assertRevokes(account, signal);
          if (!key) await getAccount(account, { signal });
        },
      );
    },
    renewalInfo: async (chain, { signal } = {}) =>
      await renewalInfo(await session.get(signal), chain, signal),
  };
}

function sharedSession(open: AcmeIssuerOptions['session']): SharedSession {
  let opened: Promise<AcmeSession> | undefined;
  const opening = (options: Parameters<typeof open>[0]) => {
    const session = open(options);
    opened = session;
    session.catch(() => {
      if (opened === session) opened = undefined;
    });
    return session;
  };
  return {
    get: async (signal) => await (opened ?? opening({ signal })),
    async replace(refused, signal) {
      const current = await opened?.catch(() => undefined);
      if (current !== undefined && current !== refused) return current;
      return await opening({ signal, suspect: refused.account });
    },
  };
}

/** After these the CA may have lost the account, or another process may have replaced its key. */
const accountErrors: ReadonlySet<string | undefined> = new Set([
  'ERR_ACME_UNAUTHORIZED',
  'ERR_ACME_MALFORMED',
  'ERR_ACME_ACCOUNT_DOES_NOT_EXIST',
]);

/**
 * Does work with the account. If the CA has lost the account, or has another one for the key, does
 * it again with that account.
 * @param work `isReplaced`: nothing of the former account exists any more
 */
async function withAccount<T>(
  session: SharedSession,
  signal: AbortSignal | undefined,
  work: (account: AcmeSession, isReplaced: boolean) => Promise<T>,
): Promise<T> {
  const account = await session.get(signal);
  try {
    return await work(account, false);
  } catch (error) {
    const code = errorCode(error);
    if (!accountErrors.has(code)) throw error;
    const isLost = code === 'ERR_ACME_ACCOUNT_DOES_NOT_EXIST';
    // Else the refusal is about the order: it says more than a failure of this question.
    const replaced = await session.replace(account, signal).catch((failure: unknown) => {
      throw isLost ? failure : error;
    });
    if (!isLost && isSameAccount(replaced, account)) throw error;
    return await work(replaced, isLost || replaced.account !== account.account);
  }
}

/** After these the CA knows no account here, and none can be registered, or it refuses it. */
const noAccountErrors: ReadonlySet<string | undefined> = new Set([
  ...accountErrors,
  'ERR_MANAGER_TERMS',
  'ERR_MANAGER_EXTERNAL_ACCOUNT',
]);

interface Signing {
  /** Of the certificate, PEM or the reference of a key in a device. */
  readonly privateKey?: string | undefined;
  readonly signer?: RevocationSigner | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Does what a revocation needs, with the account or with the certificate's own key: without `signer`
 * with the key where there is no account or the CA refuses it. RFC 8555 §7.6
 * @param work `key`: what signs in place of the account
 * @returns whose key has signed
 * @throws ManagerError `ERR_MANAGER_ISSUER` where the key of the certificate is wanted, and missing
 */
async function withSigner(
  { privateKey, signer, signal }: Signing,
  {
    session,
    keySession,
    crypto,
  }: {
    readonly session: SharedSession;
    readonly keySession?: AcmeIssuerOptions['keySession'];
    readonly crypto: CryptoBackend;
  },
  work: (account: AcmeSession, key?: AccountKey) => Promise<void>,
): Promise<RevocationSigner> {
  const withKey = async (stored: string): Promise<'certificate'> => {
    const key = accountKeyOf(await crypto.import(new TextEncoder().encode(stored)));
    await work(keySession ? await keySession(key) : await session.get(signal), key);
    return 'certificate';
  };
  if (signer === 'certificate') {
    if (privateKey !== undefined) return await withKey(privateKey);
    throw new ManagerError(
      'ERR_MANAGER_ISSUER',
      'the key of the certificate is not stored: let the account sign the revocation',
    );
  }
  try {
    await withAccount(session, signal, async (account) => await work(account));
    return 'account';
  } catch (error) {
    const mayUseKey = signer === undefined && noAccountErrors.has(errorCode(error));
    if (privateKey === undefined || !mayUseKey) throw error;
    return await withKey(privateKey).catch((failure: unknown) => {
      signal?.throwIfAborted();
      throw errorCode(failure) === errorCode(error) ? error : failure;
    });
  }
}

function isSameAccount(first: AcmeSession, second: AcmeSession): boolean {
  return (
    first.account === second.account &&
    JSON.stringify(first.key.jwk) === JSON.stringify(second.key.jwk)
  );
}

async function solverToRemove(
  type: string,
  proof: JsonObject | undefined,
  { solvers, formerSolver }: Pick<AcmeIssuerOptions, 'solvers' | 'formerSolver'>,
): Promise<ChallengeSolver | undefined> {
  if (formerSolver) return await formerSolver(proof, type);
  return (await solvers(proof)).find((solver) => solver.type === type);
}

async function issue(
  request: IssuerRequest,
  { state, save, onStep, signal }: Parameters<Issuer['issue']>[1],
  { solvers, formerSolver, onProgress }: AcmeIssuerOptions,
  session: SharedSession,
): Promise<IssuedChains> {
  let latest = state as IssuanceState | undefined;
  const preferredChain = request.preferredChain || undefined;
  return await withAccount(session, signal, async (account, isReplaced) => {
    const { proof } = request;
    const client = new AcmeClient({
      session: account,
      solvers: await solvers(proof),
      formerSolver: async (type) => await formerSolver?.(proof, type),
    });
    const issued = await client.issue(
      {
        identifiers: identifiers(request.names),
        csr: request.csr,
        profile: request.profile,
        replaces: isReplaced ? undefined : await replacedCertificate(account, request, signal),
        prefer: preferredChain === undefined ? undefined : (pem) => isChain(pem, preferredChain),
      },
      {
        // Without its order, the responses that may be published are removed.
        state: isReplaced && latest ? { version: 1, responses: latest.responses } : latest,
        save: async (next) => {
          latest = next;
          await save(toJson(next));
        },
        onProgress(progress) {
          onProgress?.(progress);
          onStep?.(toStep(progress));
        },
        signal,
      },
    );
    return { chain: issued.pem, alternates: await client.alternateChains(issued, { signal }) };
  });
}

async function revoke(
  session: AcmeSession,
  chain: string,
  {
    reason,
    key,
    signal,
  }: {
    readonly reason: string | undefined;
    readonly key?: AccountKey | undefined;
    readonly signal: AbortSignal | undefined;
  },
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
    ...(key === undefined ? {} : { key }),
    signal,
  });
}

/** @throws AcmeError `ERR_ACME_UNSUPPORTED` */
async function assertRevokes(session: AcmeSession, signal: AbortSignal | undefined): Promise<void> {
  if ((await session.directory({ signal })).revokeCert !== undefined) return;
  throw new AcmeError(
    'ERR_ACME_UNSUPPORTED',
    "the CA's directory offers no revocation (revokeCert)",
  );
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
    ...('challenge' in progress ? { challenge: progress.challenge } : {}),
    ...('order' in progress ? { url: progress.order } : {}),
    ...(progress.type === 'left-on-display' ? { message: errorText(progress.error) } : {}),
  };
}

function toJson(state: IssuanceState): JsonObject {
  return JSON.parse(JSON.stringify(state)) as JsonObject;
}
