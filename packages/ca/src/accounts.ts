import { timestamp } from '@acmex/clock';
import { isDomainName } from '@acmex/identifier';
import { newId, untilWritten } from '@acmex/storage';
import { type AccountRecord, accounts, accountsByKey } from './account-records.ts';
import { type Answer, json } from './answer.ts';
import { checkNotCompromised } from './compromised-keys.ts';
import { checkBinding } from './external-accounts.ts';
import { thumbprintHex } from './jws.ts';
import { quoted, refusal } from './problems.ts';
import { clientAt, limited } from './rate-limits.ts';
import type { Service } from './service.ts';
import { payloadOf, type SignedByAccount, type SignedRequest } from './signed-request.ts';

/** Makes an account for a key, or finds the one that it has: many at once get one. RFC 8555 §7.3 */
export async function newAccount(
  service: Service,
  request: SignedRequest,
  { address }: { readonly address: string },
): Promise<Answer> {
  const { contact, onlyReturnExisting, ...asked } = payloadOf(request);
  const thumbprint = thumbprintHex(request.key);
  await checkNotCompromised(service.storage, request.key);
  return await untilWritten(async () => {
    const existing = await accountsByKey.read(service.storage, thumbprint);
    if (existing) return await existingAccount(service, existing.record.account);
    if (onlyReturnExisting === true)
      throw refusal('accountDoesNotExist', 'there is no account for this key');
    await limited(service.rateLimiter, 'account', clientAt(address));
    const contacts = readContacts(contact);
    checkTerms(service, asked.termsOfServiceAgreed);
    const binding = await bindingOf(service, request, asked.externalAccountBinding);
    const id = newId('acc', service.clock);
    const account: AccountRecord = {
      status: 'valid',
      contact: contacts,
      key: request.key,
      termsOfServiceAgreed: asked.termsOfServiceAgreed === true,
      externalAccount: binding?.kid,
      createdAt: timestamp(service.clock.now()),
    };
    await service.storage.write([
      accountsByKey.added(thumbprint, { account: id }),
      accounts.added(id, account),
      ...(binding ? [binding.bindTo(id)] : []),
    ]);
    return accountAnswer(service, 201, id, account);
  });
}

async function existingAccount(service: Service, id: string): Promise<Answer> {
  const account = await accounts.read(service.storage, id);
  if (account?.record.status === 'valid') return accountAnswer(service, 200, id, account.record);
  throw refusal(
    'unauthorized',
    'the account of this key was deactivated, and stays so: use another key',
  );
}

function checkTerms({ meta }: Service, agreed: unknown): void {
  if (meta.termsOfService === undefined || agreed === true) return;
  throw refusal(
    'userActionRequired',
    `the terms of service must be agreed to: ${meta.termsOfService}`,
    {
      instance: meta.termsOfService,
      headers: { link: `<${meta.termsOfService}>;rel="terms-of-service"` },
    },
  );
}

async function bindingOf(service: Service, { url, key }: SignedRequest, binding: unknown) {
  if (binding !== undefined) return await checkBinding(service.storage, binding, { url, key });
  if (service.externalAccountRequired)
    throw refusal(
      'externalAccountRequired',
      'this CA takes accounts only with an external account binding: ask its operator for one',
    );
  return undefined;
}

/**
 * Reads an account, replaces its contacts, or deactivates it. "The server MUST ignore any updates
 * to" all other members, and another status. RFC 8555 §7.3.2, §7.3.6
 */
export async function account(
  service: Service,
  request: SignedByAccount,
  { id }: { readonly id: string },
): Promise<Answer> {
  if (id !== request.account.id) throw refusal('unauthorized', 'this is another account');
  if (request.payload === undefined) return accountAnswer(service, 200, id, request.account.record);
  const { contact, status } = request.payload;
  const contacts = contact === undefined ? undefined : readContacts(contact);
  return await untilWritten(async () => {
    const stored = await accounts.read(service.storage, id);
    if (!stored || stored.record.status !== 'valid')
      throw refusal('unauthorized', 'the account was deactivated', { status: 401 });
    const next: AccountRecord = {
      ...stored.record,
      contact: contacts ?? stored.record.contact,
      status: status === 'deactivated' ? 'deactivated' : stored.record.status,
    };
    await service.storage.write([accounts.changed(stored, next)]);
    return accountAnswer(service, 200, id, next);
  });
}

function accountAnswer(
  { urls }: Service,
  status: number,
  id: string,
  account: AccountRecord,
): Answer {
  const url = urls.of(`/account/${id}`);
  return json(
    status,
    {
      status: account.status,
      contact: account.contact,
      ...(account.termsOfServiceAgreed ? { termsOfServiceAgreed: true } : {}),
      orders: `${url}/orders`,
    },
    { headers: { location: url } },
  );
}

/**
 * The contacts of an account: e-mail addresses as `mailto:` URLs, at most ten. RFC 8555 §7.3
 * @throws Refusal `malformed`, `unsupportedContact`, `invalidContact`
 */
function readContacts(json: unknown): readonly string[] {
  if (json === undefined) return [];
  if (
    !Array.isArray(json) ||
    !json.every((contact): contact is string => typeof contact === 'string')
  )
    throw refusal('malformed', '"contact" is a list of URLs');
  if (json.length > 10)
    throw refusal(
      'invalidContact',
      `an account has at most ten contacts, and this one has ${json.length}`,
    );
  for (const contact of json) checkContact(contact);
  return [...new Set(json)];
}

function checkContact(contact: string): void {
  if (!/^mailto:/i.test(contact))
    throw refusal(
      'unsupportedContact',
      `${quoted(contact)} is not an e-mail address: contacts are URLs such as mailto:admin@example.com`,
    );
  const address = contact.slice('mailto:'.length);
  // "Servers MUST reject mailto URLs with hfields or with more than one addr-spec." RFC 8555 §7.3
  if (/[?,]/.test(address))
    throw refusal('invalidContact', `${quoted(contact)} has more in it than one address`);
  const [, domain = ''] = /^[\w.!#$%&'*+/=^`{|}~-]{1,64}@([^@]+)$/.exec(address) ?? [];
  if (contact.length > 260 || !isDomainName(domain.toLowerCase()))
    throw refusal('invalidContact', `${quoted(contact)} is not a valid e-mail address`);
}
