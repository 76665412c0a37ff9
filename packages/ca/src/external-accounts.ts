import { randomBytes } from 'node:crypto';
import { type Clock, systemClock, timestamp } from '@acmex/clock';
import type { JsonObject, PublicJwk } from '@acmex/protocol';
import { type Change, idOf, newId, type Storage, type Stored, untilWritten } from '@acmex/storage';
import { flattenedVerify } from 'jose';
import { parsedObject } from './answer.ts';
import { CaError } from './errors.ts';
import { readJws, thumbprintHex } from './jws.ts';
import { refusal } from './problems.ts';
import { id as idOfRecord, recordsOf, time } from './stored.ts';
import * as z from 'zod';

interface ExternalAccountRecord {
  /** base64url */
  readonly hmacKey: string;
  readonly description: string;
  readonly createdAt: string;
  readonly revokedAt?: string | undefined;
  /** Whether more than one ACME account may be bound to it. */
  readonly reusable: boolean;
  /** The account that was bound to it last. */
  readonly account?: string | undefined;
}

export const externalAccounts = recordsOf<ExternalAccountRecord>(
  'external-account',
  z.looseObject({
    hmacKey: z.string().regex(/^[\w-]{20,}$/, 'it is not base64url'),
    description: z.string(),
    createdAt: time,
    revokedAt: time.optional(),
    reusable: z.boolean(),
    account: idOfRecord.optional(),
  }),
  { secret: true },
);

/** An external account as lists show it: without its key. */
export interface ExternalAccountInfo extends Omit<ExternalAccountRecord, 'hmacKey'> {
  readonly kid: string;
}

/** What an operator gives to a client that may create an account. RFC 8555 §7.3.4 */
export interface NewExternalAccount {
  readonly kid: string;
  /**
   * 32 random bytes in base64url, not beginning with a hyphen, which command lines take for an
   * option. Shown now and never again.
   */
  readonly hmacKey: string;
  /** RFC 3339 */
  readonly createdAt: string;
}

export interface ExternalAccountOptions {
  /** For people: who it is for. */
  readonly description?: string;
  /** Lets more than one ACME account be bound to it; one by default. */
  readonly reusable?: 'reusable' | 'once';
  readonly clock?: Clock;
}

export async function createExternalAccount(
  storage: Storage,
  { description = '', reusable = 'once', clock = systemClock }: ExternalAccountOptions = {},
): Promise<NewExternalAccount> {
  const kid = newId('eab', clock);
  const hmacKey = newHmacKey();
  const createdAt = timestamp(clock.now());
  await storage.write([
    externalAccounts.added(kid, {
      hmacKey,
      description,
      reusable: reusable === 'reusable',
      createdAt,
    }),
  ]);
  return { kid, hmacKey, createdAt };
}

function newHmacKey(): string {
  for (;;) {
    const key = randomBytes(32).toString('base64url');
    if (!key.startsWith('-')) return key;
  }
}

/**
 * In the order of their making, without their keys.
 * @param options.after only those with a `kid` behind this one
 */
export async function* listExternalAccounts(
  storage: Storage,
  {
    after,
    limit,
  }: { readonly after?: string | undefined; readonly limit?: number | undefined } = {},
): AsyncGenerator<ExternalAccountInfo> {
  const start = after === undefined ? {} : { after: externalAccounts.key(after) };
  for await (const stored of externalAccounts.list(storage, { ...start, limit })) {
    const { description, createdAt, revokedAt, reusable, account } = stored.record;
    yield { kid: idOf(stored), description, createdAt, revokedAt, reusable, account };
  }
}

/**
 * Binds no further accounts to it; those that are bound stay. Repeatable.
 * @throws CaError `ERR_CA_EXTERNAL_ACCOUNT`
 */
export async function revokeExternalAccount(
  storage: Storage,
  kid: string,
  { clock = systemClock }: { readonly clock?: Clock } = {},
): Promise<void> {
  await untilWritten(async () => {
    const stored = isKid(kid) ? await externalAccounts.read(storage, kid) : undefined;
    if (!stored)
      throw new CaError(
        'ERR_CA_EXTERNAL_ACCOUNT',
        `there is no external account ${JSON.stringify(kid.slice(0, 60))}: list them to find the right one`,
      );
    if (stored.record.revokedAt === undefined)
      await storage.write([
        externalAccounts.changed(stored, { ...stored.record, revokedAt: timestamp(clock.now()) }),
      ]);
  });
}

/** A binding that was found right: whose it is, and the change that uses it up for an account. */
export interface Binding {
  readonly kid: string;
  bindTo(account: string): Change;
}

/**
 * Checks the external account binding of a newAccount: the account's key, signed with the external
 * account's. RFC 8555 §7.3.4
 * @throws Refusal `malformed`, `unauthorized`
 */
export async function checkBinding(
  storage: Storage,
  json: unknown,
  { url, key }: { readonly url: string; readonly key: PublicJwk },
): Promise<Binding> {
  const read = readJws(
    'the externalAccountBinding',
    typeof json === 'object' && json !== null ? (json as JsonObject) : undefined,
  );
  const { alg, kid, nonce } = read.header;
  if (alg !== 'HS256' && alg !== 'HS384' && alg !== 'HS512')
    throw refusal('malformed', 'the externalAccountBinding is signed with HS256, HS384 or HS512');
  if (nonce !== undefined || read.header.url !== url)
    throw refusal(
      'malformed',
      'the header of the externalAccountBinding has the URL of newAccount, and no nonce',
    );
  if (typeof kid !== 'string')
    throw refusal(
      'malformed',
      'the header of the externalAccountBinding has the "kid" that the CA\'s operator gave',
    );
  const stored = isKid(kid) ? await externalAccounts.read(storage, kid) : undefined;
  // An unknown name costs and says the same as a wrong key.
  const secret = stored ? Buffer.from(stored.record.hmacKey, 'base64url') : randomBytes(32);
  const payload = await flattenedVerify(read.jws, secret, { algorithms: [alg] }).then(
    ({ payload }) => new TextDecoder().decode(payload),
    () => undefined,
  );
  if (!stored || payload === undefined)
    throw refusal(
      'unauthorized',
      'the externalAccountBinding is not signed with the key of an external account of this CA',
    );
  if (!isKey(payload, key))
    throw refusal(
      'malformed',
      "the payload of the externalAccountBinding is another key than the account's",
    );
  if (stored.record.revokedAt !== undefined)
    throw refusal('unauthorized', 'the external account was revoked');
  if (stored.record.account !== undefined && !stored.record.reusable)
    throw refusal('unauthorized', 'the external account is bound to an account already');
  return { kid, bindTo: (account) => bound(stored, account) };
}

function bound(stored: Stored<ExternalAccountRecord>, account: string): Change {
  return externalAccounts.changed(stored, { ...stored.record, account });
}

function isKey(payload: string, key: PublicJwk): boolean {
  const jwk = parsedObject(payload);
  return jwk !== undefined && thumbprintHex(jwk) === thumbprintHex(key);
}

function isKid(kid: string): boolean {
  return /^eab_[0-9a-z]{26}$/.test(kid);
}
