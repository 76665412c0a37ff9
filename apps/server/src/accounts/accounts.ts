import { issuersOf } from '@acmex/config';
import {
  accountId as idOfAccount,
  accountOf,
  type AccountOptions,
  registerAccount,
  deactivateAccount,
  storedAccounts,
  rotateAccountKey,
  updateContact,
} from '@acmex/manager';
import { resolvedIssuer } from '@acmex/manager/from-config';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import type { Caller } from '../access/caller.ts';
import { issuerFor } from '../certificates/request.ts';
import { atCa } from './at-ca.ts';
import { ServerError } from '../errors.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { accountId, email, ownName } from '../http/fields.ts';

/** Opens a connection to a CA: trusts the root of this name too, PEM. */
export const FETCH = Symbol('fetch');
export type FetchFor = (caCertificate: string | undefined) => AccountOptions['fetch'];

const params = z.strictObject({ id: accountId });
const accountSchema = z
  .object({
    id: z.string(),
    issuer: z.string().describe('Its name in acmex.toml.'),
    url: z.string().optional().describe('The account at the CA.'),
    status: z
      .enum(['valid', 'deactivated', 'revoked'])
      .optional()
      .describe('As the CA says it; absent in lists.'),
    contact: z.array(z.string()).optional(),
  })
  .meta({ id: 'Account' });
const accountAnswer = { description: 'The account, as the CA has it.', schema: accountSchema };
const register = endpoint({
  method: 'POST',
  path: '/api/accounts',
  scope: 'accounts:write',
  summary: 'Register an account at a CA, or find the one that is there',
  body: z.strictObject({
    issuer: ownName.optional().describe('An issuer of acmex.toml; the one of [acme] by default.'),
    email: email.optional(),
    tosAgreed: z
      .boolean()
      .optional()
      .describe(
        "Whether you have read the CA's terms of service, and agree; tos_agreed of acmex.toml by default.",
      ),
  }),
  answers: { 201: { ...accountAnswer, headers: { Location: 'The account.' } } },
});
const list = endpoint({
  method: 'GET',
  path: '/api/accounts',
  scope: 'accounts:read',
  summary: 'List the accounts that are kept',
  answers: {
    200: {
      description: 'All of them; the CAs are not asked.',
      schema: z.object({ items: z.array(accountSchema) }),
    },
  },
});
const show = endpoint({
  method: 'GET',
  path: '/api/accounts/:id',
  scope: 'accounts:read',
  summary: 'Ask the CA for an account',
  params,
  answers: { 200: accountAnswer },
});
const change = endpoint({
  method: 'PATCH',
  path: '/api/accounts/:id',
  scope: 'accounts:write',
  summary: 'Change where the CA can reach you',
  params,
  body: z.strictObject({ email }),
  answers: { 200: accountAnswer },
});
const giveUp = endpoint({
  method: 'DELETE',
  path: '/api/accounts/:id',
  scope: 'accounts:write',
  summary: 'Give an account up, for good; its certificates stay valid and are not renewed',
  params,
  answers: { 204: { description: 'The CA has deactivated it.' } },
});
const rotate = endpoint({
  method: 'POST',
  path: '/api/accounts/:id/rotate-key',
  scope: 'accounts:write',
  summary: 'Give an account another key',
  params,
  answers: { 200: { ...accountAnswer, description: 'The CA knows the new key, and it alone.' } },
});

@Injectable()
export class Accounts {
  readonly #fetch: FetchFor;

  constructor(@Inject(FETCH) fetch: FetchFor) {
    this.#fetch = fetch;
  }

  @Handles(register)
  async register({
    caller,
    body: { issuer, email: address, tosAgreed },
    signal,
  }: RequestOf<typeof register>): Promise<Answer> {
    const described = resolvedIssuer(issuerFor(caller.tenant, issuer));
    const wanted = {
      ...described,
      contact: address === undefined ? described.contact : [`mailto:${address}`],
      agreed: tosAgreed ?? described.agreed,
    };
    const options = await this.#options(caller, described, signal);
    const account = await atCa(described.name, async () => await registerAccount(wanted, options));
    const id = idOfAccount(described);
    return answer(
      201,
      {
        id,
        issuer: described.name,
        url: account.url,
        status: account.status,
        contact: account.contact,
      },
      { location: `/api/accounts/${id}` },
    );
  }

  @Handles(list)
  async list({ caller }: RequestOf<typeof list>): Promise<Answer> {
    const known = this.#issuers(caller);
    const items = [];
    for await (const { id, account: url } of storedAccounts(caller.tenant.storage)) {
      const issuer = known.find((candidate) => idOfAccount(candidate) === id);
      if (issuer) items.push({ id, issuer: issuer.name, url });
    }
    return answer(200, { items });
  }

  @Handles(show)
  async show({ caller, params: { id }, signal }: RequestOf<typeof show>): Promise<Answer> {
    const issuer = this.#issuer(caller, id);
    const options = await this.#storedOptions(caller, id, issuer, signal);
    const { url, status, contact } = await atCa(
      issuer.name,
      async () => await accountOf(issuer, options),
    );
    return answer(200, { id, issuer: issuer.name, url, status, contact });
  }

  @Handles(change)
  async change({
    caller,
    params: { id },
    body: { email: address },
    signal,
  }: RequestOf<typeof change>): Promise<Answer> {
    const issuer = this.#issuer(caller, id);
    const options = await this.#storedOptions(caller, id, issuer, signal);
    const { url, status, contact } = await atCa(
      issuer.name,
      async () => await updateContact(issuer, [`mailto:${address}`], options),
    );
    return answer(200, { id, issuer: issuer.name, url, status, contact });
  }

  @Handles(giveUp)
  async giveUp({ caller, params: { id }, signal }: RequestOf<typeof giveUp>): Promise<Answer> {
    const issuer = this.#issuer(caller, id);
    const options = await this.#storedOptions(caller, id, issuer, signal);
    await atCa(issuer.name, async () => await deactivateAccount(issuer, options));
    return answer(204);
  }

  @Handles(rotate)
  async rotate({ caller, params: { id }, signal }: RequestOf<typeof rotate>): Promise<Answer> {
    const issuer = this.#issuer(caller, id);
    const options = await this.#storedOptions(caller, id, issuer, signal);
    const { url, status, contact } = await atCa(
      issuer.name,
      async () => await rotateAccountKey(issuer, options),
    );
    return answer(200, { id, issuer: issuer.name, url, status, contact });
  }

  #issuers({
    tenant: {
      manager: { config },
      issuers,
    },
  }: Caller) {
    return issuersOf(config)
      .map(resolvedIssuer)
      .filter(({ name }) => issuers?.includes(name) ?? true);
  }

  #issuer(caller: Caller, id: string) {
    const match = this.#issuers(caller).find((candidate) => idOfAccount(candidate) === id);
    if (!match) throw new ServerError('ERR_SERVER_NOT_FOUND', `there is no account ${id}`);
    return match;
  }

  /** @throws ServerError `ERR_SERVER_NOT_FOUND` where none is kept */
  async #storedOptions(
    caller: Caller,
    id: string,
    issuer: ReturnType<typeof resolvedIssuer>,
    signal: AbortSignal,
  ): Promise<AccountOptions> {
    for await (const stored of storedAccounts(caller.tenant.storage))
      if (stored.id === id && stored.account !== undefined)
        return await this.#options(caller, issuer, signal);
    throw new ServerError('ERR_SERVER_NOT_FOUND', `there is no account ${id}`);
  }

  async #options(
    { tenant: { storage, manager } }: Caller,
    { caCertificate }: ReturnType<typeof resolvedIssuer>,
    signal: AbortSignal,
  ): Promise<AccountOptions> {
    return {
      storage,
      fetch: this.#fetch(await caCertificate?.()),
      userAgent: 'acmex-server',
      crypto: manager.crypto,
      signal,
    };
  }
}
