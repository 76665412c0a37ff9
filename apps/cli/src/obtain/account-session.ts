import { type AcmeSession, acmeSession, errorCode, type ExternalAccount, type Fetch, importAccountKey, newAccount, printable } from '@acmex/protocol';
import type { Storage } from '@acmex/storage';
import type { CertificateAuthority } from '../certificate-authority.ts';
import { CliError } from '../errors.ts';
import { readText } from '../read-text.ts';
import { savedAccount } from '../saved-account.ts';
import type { Reporter } from '../terminal.ts';
import type { ObtainOptions } from './options.ts';

export interface Opening {
  readonly authority: CertificateAuthority;
  readonly storage: Storage;
  readonly fetch: Fetch;
  readonly env: NodeJS.ProcessEnv;
  readonly report: Reporter;
  readonly signal: AbortSignal;
}

/** A session with the account that is kept for this CA, or with the one of the key that was given. */
export async function accountSession(options: ObtainOptions, { authority, storage, fetch, env, report, signal }: Opening): Promise<AcmeSession> {
  const externalAccount = external(options, env);
  const kept = options.accountKey === undefined ? await savedAccount(storage, authority.directory, signal) : undefined;
  const key = await importAccountKey(kept?.key ?? await readText(options.accountKey ?? '', 'the account key'));
  const session = acmeSession({ directory: authority.directory, key, account: kept?.account, fetch, userAgent: 'acmex-cli' });
  report.working(`asking ${authority.title}`);
  const { meta } = await session.directory({ signal });
  if (session.account !== undefined) return session;
  if (meta.externalAccountRequired && !externalAccount) throw new CliError('ERR_CLI_USAGE', `${authority.title} asks for an external account: give --eab-kid and --eab-hmac-key as it handed them out`);
  const contact = options.email === undefined ? [] : [`mailto:${options.email}`];
  const agreed = options.acceptTos || meta.termsOfService === undefined;
  const account = await newAccount(session, agreed ? { contact, termsOfServiceAgreed: options.acceptTos ?? false, externalAccount } : { onlyReturnExisting: true }, { signal }).catch((error: unknown) => {
    if (agreed || errorCode(error) !== 'ERR_ACME_ACCOUNT_DOES_NOT_EXIST') throw error;
    throw new CliError('ERR_CLI_TERMS', `${authority.title} asks that its terms of service are agreed to: read ${printable(meta.termsOfService ?? '', 300)}, then give --accept-tos`);
  });
  await kept?.save(account.url);
  report.done(`account ${printable(account.url, 300)}`);
  return session;
}

function external({ eabKid, eabHmacKey }: ObtainOptions, env: NodeJS.ProcessEnv): ExternalAccount | undefined {
  const hmacKey = eabHmacKey ?? env.ACMEX_EAB_HMAC_KEY;
  if (eabKid === undefined && eabHmacKey === undefined) return undefined;
  if (eabKid === undefined || hmacKey === undefined) throw new CliError('ERR_CLI_USAGE', 'an external account is a pair: give --eab-kid and --eab-hmac-key (or ACMEX_EAB_HMAC_KEY in the environment)');
  return { kid: eabKid, hmacKey };
}
