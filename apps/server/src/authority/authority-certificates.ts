import type { IssuedCertificate, IssuedInfo, ListedCertificate } from '@acmex/ca';
import { issuedStatuses, operatorRevocationReasons } from '@acmex/ca/vocabulary';
import { parseChain } from '@acmex/certificate';
import type { Clock } from '@acmex/clock';
import { toUnicode } from '@acmex/identifier';
import { type RevocationReason, revocationReasons } from '@acmex/protocol';
import type { Storage } from '@acmex/storage';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import type { Caller } from '../access/caller.ts';
import { memberOf, memberSchema } from '../certificates/details.ts';
import { CLOCK } from '../clock.ts';
import { STORAGE } from '../health/health.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { limit, moment, namePart, pageOf, profile, serialNumber } from '../http/fields.ts';
import { timePage } from '../http/time-page.ts';
import { CaLibrary } from './ca-library.ts';
import { operatedCa } from './operated-ca.ts';

const time = z.string().describe('RFC 3339');
const reasonNames = Object.keys(revocationReasons) as [RevocationReason, ...RevocationReason[]];
const issuedSchema = z
  .object({
    serialNumber: z.string().describe('Lower-case hexadecimal.'),
    names: z.array(z.string()),
    status: z.enum(issuedStatuses).describe('A revoked one stays `revoked` when it expires.'),
    profile: z.string(),
    account: z.string().describe('The id of the ACME account.'),
    generation: z.number().int().describe('Of the issuing certificate, from 1.'),
    issuedAt: time,
    notBefore: time,
    notAfter: time,
    revoked: z
      .object({ at: time, reason: z.enum(reasonNames).describe('RFC 5280 §5.3.1') })
      .optional(),
  })
  .meta({ id: 'IssuedCertificate' });
const wholeSchema = issuedSchema.extend({
  chain: z.array(memberSchema).describe('What the certificate and those above it say.'),
  pem: z.string().describe('The certificate and its chain, the leaf first, without the root.'),
});
const params = z.strictObject({ serialNumber });
const list = endpoint({
  method: 'GET',
  path: '/api/ca/certificates',
  scope: 'ca:read',
  summary: 'List what the own CA has issued, the newest first',
  query: z.strictObject({
    contains: namePart.optional().describe('Those with a name that has this part.'),
    serialNumber: serialNumber.optional(),
    status: z.enum(issuedStatuses).optional(),
    profile: profile.optional(),
    since: moment.optional().describe('Issued at this moment or later.'),
    until: moment.optional().describe('Issued before this moment.'),
    limit,
    cursor: z
      .string()
      .regex(/^iss_[0-9a-z]{10,26}$/, 'take it from next of the page before')
      .optional()
      .describe('`next` of the page before.'),
  }),
  answers: {
    200: {
      description:
        'A page of certificates, without their chains; 2,000 are looked at for it at most.',
      schema: pageOf(issuedSchema),
    },
  },
});
const show = endpoint({
  method: 'GET',
  path: '/api/ca/certificates/:serialNumber',
  scope: 'ca:read',
  summary: 'Look at a certificate of the own CA',
  params,
  answers: { 200: { description: 'The certificate, with its chain.', schema: wholeSchema } },
});
const revoke = endpoint({
  method: 'POST',
  path: '/api/ca/certificates/:serialNumber/revoke',
  scope: 'ca:write',
  summary: 'Revoke a certificate of the own CA, for good',
  params,
  body: z.strictObject({
    reason: z
      .enum(operatorRevocationReasons)
      .describe(
        'RFC 5280 §5.3.1. After keyCompromise, the CA issues no certificate for its key again.',
      ),
  }),
  answers: {
    200: {
      description: 'It is revoked. The next CRL and the next OCSP response say so.',
      schema: issuedSchema,
    },
  },
});

/** What the own CA has issued, over HTTP. */
@Injectable()
export class AuthorityCertificates {
  readonly #storage: Storage;
  readonly #ca: CaLibrary;
  readonly #clock: Clock;

  constructor(
    @Inject(STORAGE) storage: Storage,
    @Inject(CaLibrary) ca: CaLibrary,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.#storage = storage;
    this.#ca = ca;
    this.#clock = clock;
  }

  @Handles(list)
  async list({
    caller,
    query: { contains, serialNumber: serial, status, profile: profileName, ...page },
  }: RequestOf<typeof list>): Promise<Answer> {
    const library = await this.#library(caller);
    const where = (issued: IssuedInfo) =>
      hasPart(issued, contains) &&
      (status ?? this.#statusOf(library, issued)) === this.#statusOf(library, issued) &&
      (profileName ?? issued.profile) === issued.profile;
    if (serial !== undefined) {
      const issued = await library.readIssued(this.#storage, serial);
      const isWanted = issued !== undefined && where(issued) && isWithin(issued, page);
      const items = isWanted ? [this.#toResource(library, issued)] : [];
      return answer(200, { items, scanned: issued ? 1 : 0 });
    }
    const { items, next, scanned } = await timePage<ListedCertificate>(
      {
        prefix: library.issuedPrefix,
        list: (options) => library.listIssuedByTime(this.#storage, options),
      },
      { ...page, sort: 'newest', nowMs: this.#clock.now().epochMilliseconds, where },
    );
    return answer(200, {
      items: items.map((issued) => this.#toResource(library, issued)),
      ...{ next, scanned },
    });
  }

  /** @throws CaError `ERR_CA_NO_CERTIFICATE` */
  @Handles(show)
  async show({
    caller,
    params: { serialNumber: serial },
  }: RequestOf<typeof show>): Promise<Answer> {
    const library = await this.#library(caller);
    const issued = await this.#read(library, serial);
    const [pem = ''] = issued.chains;
    return answer(200, {
      ...this.#toResource(library, issued),
      chain: parseChain(pem).map(memberOf),
      pem,
    });
  }

  /** @throws CaError `ERR_CA_NO_CERTIFICATE`, `ERR_CA_REVOKED` */
  @Handles(revoke)
  async revoke({
    caller,
    params: { serialNumber: serial },
    body: { reason },
  }: RequestOf<typeof revoke>): Promise<Answer> {
    const library = await this.#library(caller);
    await library.revokeIssued(this.#storage, serial, { reason, clock: this.#clock });
    return answer(200, this.#toResource(library, await this.#read(library, serial)));
  }

  async #library(caller: Caller): Promise<Library> {
    return (await operatedCa(caller, { storage: this.#storage, ca: this.#ca })).library;
  }

  /** @throws CaError `ERR_CA_NO_CERTIFICATE` */
  async #read(library: Library, serial: string): Promise<IssuedCertificate> {
    const issued = await library.readIssued(this.#storage, serial);
    if (!issued)
      throw new library.CaError(
        'ERR_CA_NO_CERTIFICATE',
        `this CA has issued no certificate with the serial number ${serial}`,
      );
    return issued;
  }

  #statusOf({ issuedStatus }: Library, issued: IssuedInfo) {
    return issuedStatus(issued, this.#clock.now());
  }

  #toResource(library: Library, issued: IssuedInfo): z.infer<typeof issuedSchema> {
    const { serialNumber: serial, identifiers, account, generation = 1, revoked } = issued;
    const { profile: profileName, issuedAt, notBefore, notAfter } = issued;
    return {
      serialNumber: serial,
      names: identifiers.map(({ value }) => value),
      status: this.#statusOf(library, issued),
      profile: profileName,
      ...{ account, generation, issuedAt, notBefore, notAfter },
      revoked: revoked && { at: revoked.at, reason: reasonOf(revoked.reason) },
    };
  }
}

type Library = Awaited<ReturnType<CaLibrary['load']>>;

/** Whether a name has a part, as certificates have it or as people read it. */
function hasPart({ identifiers }: IssuedInfo, part: string | undefined): boolean {
  return (
    part === undefined ||
    identifiers.some(({ value }) => value.includes(part) || toUnicode(value).includes(part))
  );
}

function isWithin(
  { issuedAt }: IssuedInfo,
  {
    since = issuedAt,
    until,
  }: { readonly since?: string | undefined; readonly until?: string | undefined },
): boolean {
  const issuedMs = Date.parse(issuedAt);
  return issuedMs >= Date.parse(since) && (until === undefined || issuedMs < Date.parse(until));
}

/** The name of a reason. RFC 5280 §5.3.1 */
function reasonOf(code: number): RevocationReason {
  return reasonNames.find((name) => revocationReasons[name] === code) ?? 'unspecified';
}
