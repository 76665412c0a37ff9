import type { AuthorityState, CrlState, IssuerState } from '@acmex/ca';
import { parseCertificate } from '@acmex/certificate';
import type { Clock } from '@acmex/clock';
import type { Storage } from '@acmex/storage';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import { memberOf, memberSchema } from '../certificates/details.ts';
import { CLOCK } from '../clock.ts';
import { STORAGE } from '../health/health.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { CaLibrary } from './ca-library.ts';
import { assertOperator } from './operated-ca.ts';

const time = z.string().describe('RFC 3339');
const listStateSchema = z
  .enum(['current', 'due', 'overdue'])
  .describe(
    '`due`: more than half of its life is over, so the next one is signed when a client asks for it. `overdue`: nextUpdate is past, so clients no longer accept it.',
  );
const crlSchema = z.object({
  number: z.number().int().describe('Grows with each list. RFC 5280 §5.2.3'),
  thisUpdate: time,
  nextUpdate: time,
  state: listStateSchema,
  isComplete: z
    .boolean()
    .describe('Whether nothing was revoked since: else the next list has the rest.'),
});
const issuerSchema = z.object({
  generation: z.number().int().describe('Counts the issuing certificates of the CA, from 1.'),
  certificate: memberSchema,
  pem: z.string(),
  crl: crlSchema.optional().describe('Absent until a client has asked for the first one.'),
  ocspResponder: z
    .object({ notAfter: time })
    .optional()
    .describe('The certificate that signs OCSP responses; absent where there is none.'),
});
const authoritySchema = z
  .object({
    kind: z.enum(['private', 'development']),
    root: z.object({ certificate: memberSchema, pem: z.string() }),
    issuers: z.array(issuerSchema).describe('The one that issues, then those before it.'),
    rootCrl: z
      .object({ nextUpdate: time, isOverdue: z.boolean() })
      .optional()
      .describe('The list of revoked issuing certificates, which acmex ca root-crl signs.'),
  })
  .meta({ id: 'CertificateAuthority' });

const show = endpoint({
  method: 'GET',
  path: '/api/ca',
  scope: 'ca:read',
  summary: 'See the own CA: its certificates and its CRLs',
  answers: {
    200: {
      description:
        "The CA that the server's storage holds. Keys of the default tenant that may use all names see it.",
      schema: z.object({
        authority: authoritySchema.optional().describe('Absent where the storage holds no CA.'),
      }),
    },
  },
});

/** The own CA over HTTP: what it is. */
@Injectable()
export class CertificateAuthority {
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

  @Handles(show)
  async show({ caller }: RequestOf<typeof show>): Promise<Answer> {
    assertOperator(caller);
    const { authorityState } = await this.#ca.load();
    const state = await authorityState(this.#storage);
    const nowMs = this.#clock.now().epochMilliseconds;
    return answer(200, { authority: state && authorityOf(state, nowMs) });
  }
}

function authorityOf(
  { kind, root, issuers, rootCrlNextUpdate: nextUpdate }: AuthorityState,
  nowMs: number,
): z.infer<typeof authoritySchema> {
  return {
    kind,
    root: described(root),
    issuers: issuers.map((issuer) => issuerOf(issuer, nowMs)),
    rootCrl:
      nextUpdate === undefined
        ? undefined
        : { nextUpdate, isOverdue: Date.parse(nextUpdate) <= nowMs },
  };
}

function described(pem: string) {
  return { certificate: memberOf(parseCertificate(pem)), pem };
}

function issuerOf(
  { generation, certificate, crl, responderNotAfter: notAfter }: IssuerState,
  nowMs: number,
): z.infer<typeof issuerSchema> {
  return {
    generation,
    ...described(certificate),
    crl: crl && crlOf(crl, nowMs),
    ocspResponder: notAfter === undefined ? undefined : { notAfter },
  };
}

function crlOf(
  { number, thisUpdate, nextUpdate, isComplete }: CrlState,
  nowMs: number,
): z.infer<typeof crlSchema> {
  const [from, to] = [Date.parse(thisUpdate), Date.parse(nextUpdate)];
  const isDue = nowMs >= (from + to) / 2;
  const state = isDue ? 'due' : 'current';
  return { number, thisUpdate, nextUpdate, isComplete, state: nowMs >= to ? 'overdue' : state };
}
