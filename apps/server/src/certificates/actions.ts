import type { Clock } from '@acmex/clock';
import { errorCode, errorText } from '@acmex/errors';
import { changeCertificate } from '@acmex/manager';
import { CertificateCensus } from '@acmex/observability';
import type { CertificatePage, ManagedCertificate } from '@acmex/orchestrator';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import { atCa } from '../accounts/at-ca.ts';
import type { Scope } from '../access/scopes.ts';
import { CLOCK } from '../clock.ts';
import { ServerError } from '../errors.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { cursor, labelName, labelValue, revocationReason } from '../http/fields.ts';
import { answerableErrors } from '../http/problem.ts';
import { SERVER_PATHS, type ServerPaths } from '../http/server-paths.ts';
import { traceparentIn } from '../http/trace-context.ts';
import { Quotas } from '../quotas.ts';
import { SCHEDULING, type Scheduling } from '../scheduling.ts';
import { filteredPage, filterFields } from './filter.ts';

/** How many certificates one request changes. */
const actionLimit = 500;
/** After this time a request ends, and a further one continues. */
const actionMs = 30_000;
/** How many certificates are looked at to count those that match. */
const countLimit = 20_000;

interface Action {
  /** What the caller needs besides certificates:read. */
  readonly scope: Scope;
  /** Whether there is anything to do for a certificate. */
  readonly concerns: (certificate: ManagedCertificate) => boolean;
}
const actions = {
  renew: { scope: 'orders:write', concerns: ({ paused }) => !paused },
  pause: { scope: 'certificates:write', concerns: ({ paused }) => !paused },
  resume: { scope: 'certificates:write', concerns: ({ paused }) => paused },
  label: { scope: 'certificates:write', concerns: () => true },
  revoke: {
    scope: 'certificates:revoke',
    concerns: ({ current }) => current !== undefined && current.revokedAt === undefined,
  },
} as const satisfies Readonly<Record<string, Action>>;
const actionNames = Object.keys(actions) as [keyof typeof actions, ...(keyof typeof actions)[]];

const actionRequest = z
  .strictObject({
    action: z
      .enum(actionNames)
      .describe(
        'renew needs the scope orders:write, revoke certificates:revoke, each other certificates:write.',
      ),
    filter: z.strictObject(filterFields).describe('As in the list; {} for all certificates.'),
    labels: z
      .record(labelName, labelValue.nullable())
      .optional()
      .describe('For label: what is set; null removes a label.'),
    reason: revocationReason.optional().describe('For revoke: the reason. RFC 5280 §5.3.1'),
    expected: z
      .number()
      .int()
      .min(0)
      .max(countLimit)
      .optional()
      .describe(
        'For revoke: how many match, as the dry run has said; with a cursor, `remaining` of the answer before.',
      ),
    dryRun: z.boolean().default(false).describe('Only count: nothing is changed.'),
    cursor: cursor.optional(),
  })
  .superRefine(({ action, labels, reason, expected, dryRun }, { addIssue }) => {
    const refuse = (path: string, message: string) =>
      addIssue({ code: 'custom', path: [path], message });
    if ((labels !== undefined) !== (action === 'label'))
      refuse('labels', 'write it for the action label, and only for that');
    if (action !== 'revoke') {
      if (reason !== undefined) refuse('reason', 'write it only for the action revoke');
      if (expected !== undefined) refuse('expected', 'write it only for the action revoke');
      return;
    }
    if (dryRun) return;
    if (reason === undefined) refuse('reason', 'write why the certificates are revoked');
    if (expected === undefined)
      refuse('expected', 'write how many certificates match, as the dry run has said');
  });
type ActionRequest = z.output<typeof actionRequest>;

const act = endpoint({
  method: 'POST',
  path: '/api/certificates/actions',
  scope: 'certificates:read',
  summary:
    'Renew, pause, resume, label or revoke all certificates that match a filter, up to 500 a request',
  body: actionRequest,
  answers: {
    200: {
      description:
        'What was done. Certificates for which there is nothing to do, as paused ones for pause, do not match. A request ends after half a minute, or where the quota of the tenant ends it, which the header Retry-After says: repeat it with `next`.',
      schema: z
        .object({
          matched: z
            .number()
            .int()
            .optional()
            .describe(
              'How many match, from the cursor on: of a dry run, which looks at the first 20,000 certificates (those that can match, where the filter has no index), and of a revocation.',
            ),
          remaining: z
            .number()
            .int()
            .optional()
            .describe('Of a revocation: how many of them are behind `next`.'),
          done: z.array(z.string()).describe('The certificates.'),
          orders: z.array(z.string()).describe('The orders of renew.'),
          failed: z
            .array(z.object({ id: z.string(), code: z.string(), message: z.string() }))
            .describe('The certificates for which it failed, and why.'),
          next: z.string().optional().describe('Where there are more: repeat with it as `cursor`.'),
          scanned: z.number().int().describe('How many certificates were looked at.'),
        })
        .meta({ id: 'ActionResult' }),
    },
  },
});
type ActRequest = RequestOf<typeof act>;

interface Outcome {
  readonly done: string[];
  readonly orders: string[];
  readonly failed: { readonly id: string; readonly code: string; readonly message: string }[];
  /** Why it ended before the last certificate. */
  refusal?: ServerError | undefined;
}

/** Actions on all certificates that match a filter. */
@Injectable()
export class CertificateActions {
  readonly #scheduling: Scheduling;
  readonly #quotas: Quotas;
  readonly #clock: Clock;
  readonly #paths: ServerPaths;
  readonly #census: CertificateCensus;

  constructor(
    @Inject(SCHEDULING) scheduling: Scheduling,
    @Inject(Quotas) quotas: Quotas,
    @Inject(CLOCK) clock: Clock,
    @Inject(SERVER_PATHS) paths: ServerPaths,
    @Inject(CertificateCensus) census: CertificateCensus,
  ) {
    this.#census = census;
    this.#scheduling = scheduling;
    this.#quotas = quotas;
    this.#clock = clock;
    this.#paths = paths;
  }

  @Handles(act)
  async act(request: ActRequest): Promise<Answer> {
    const { caller, body } = request;
    const { scope } = actions[body.action];
    if (!caller.scopes.has(scope))
      throw new ServerError(
        'ERR_SERVER_FORBIDDEN',
        `the action ${body.action} needs the scope ${scope}, which ${caller.id} does not have`,
      );
    if (body.dryRun)
      return answer(200, { done: [], orders: [], failed: [], ...(await this.#count(request)) });
    const matched = body.action === 'revoke' ? await this.#assertExpected(request) : undefined;
    const page = await this.#page(request, { limit: actionLimit, cursor: body.cursor });
    const { refusal, ...outcome } = await this.#actOn(request, page.certificates);
    if (outcome.orders.length > 0 || body.action === 'resume') this.#scheduling.wake();
    const count = outcome.done.length + outcome.failed.length;
    const { next, scanned } = await this.#reached(request, page, count);
    const remaining = matched === undefined ? {} : { matched, remaining: matched - count };
    const seconds = Math.max(1, Math.ceil(refusal?.retryAfter ?? 60));
    const headers = refusal && { 'retry-after': String(seconds) };
    return answer(200, { ...remaining, ...outcome, next, scanned }, headers);
  }

  async #page(
    { caller, body: { action, filter } }: ActRequest,
    {
      where = actions[action].concerns,
      ...range
    }: {
      readonly limit: number;
      readonly cursor: string | undefined;
      readonly where?: Action['concerns'];
    },
  ): Promise<CertificatePage> {
    const known = { caller, clock: this.#clock, census: this.#census };
    return await filteredPage(filter, { ...known, where, ...range });
  }

  /** Counts what matches, from the cursor on, as far as `countLimit`. */
  async #count(
    request: ActRequest,
  ): Promise<{ readonly matched: number; readonly scanned: number; readonly next?: string }> {
    let [matched, scanned, next] = [0, 0, request.body.cursor];
    do {
      request.signal.throwIfAborted();
      const page = await this.#page(request, { limit: 2000, cursor: next });
      matched += page.certificates.length;
      scanned += page.scanned;
      next = page.next;
    } while (next !== undefined && scanned < countLimit);
    return { matched, scanned, ...(next === undefined ? {} : { next }) };
  }

  /** @throws ServerError `ERR_SERVER_BODY` unless as many match as the request says */
  async #assertExpected(request: ActRequest): Promise<number> {
    const { matched, next } = await this.#count(request);
    if (next !== undefined)
      throw refused(
        '/filter',
        `is for more than the ${countLimit} certificates that are counted: write a narrower one, with name, below or a time of expiry`,
      );
    if (matched !== request.body.expected)
      throw refused(
        '/expected',
        `is ${request.body.expected}, and ${matched} match: nothing was revoked, repeat the dry run`,
      );
    return matched;
  }

  /** Acts on certificates until the last one, the end of the quota, or of the time. */
  async #actOn(request: ActRequest, certificates: readonly ManagedCertificate[]): Promise<Outcome> {
    const outcome: Outcome = { done: [], orders: [], failed: [] };
    const endMs = this.#clock.monotonic() + actionMs;
    for (const certificate of certificates) {
      request.signal.throwIfAborted();
      if (this.#clock.monotonic() >= endMs) break;
      const { id } = certificate;
      try {
        const order = await this.#actOnOne(request, certificate);
        if (order !== undefined) outcome.orders.push(order);
        outcome.done.push(id);
      } catch (error) {
        const code = errorCode(error) ?? '';
        const isUsedUp = error instanceof ServerError && error.code === 'ERR_SERVER_QUOTA';
        if (!answerableErrors.has(code) || (isUsedUp && outcome.done.length === 0)) throw error;
        if (isUsedUp) return { ...outcome, refusal: error };
        outcome.failed.push({ id, code, message: this.#paths.without(errorText(error)) });
      }
    }
    return outcome;
  }

  /** @returns the id of the order, where it is ordered */
  async #actOnOne(
    { caller, headers, body, signal }: ActRequest,
    { id, issuer }: ManagedCertificate,
  ): Promise<string | undefined> {
    const { tenant } = caller;
    const { provisioner } = tenant.manager;
    const traceparent = traceparentIn(headers);
    const { action, reason } = body;
    if (action === 'renew') return await this.#quotas.submit(tenant, id, traceparent);
    if (action === 'revoke') {
      await atCa(issuer, async () => await provisioner.revoke(id, { reason, signal }));
      return undefined;
    }
    await this.#quotas.within(
      tenant,
      async (admit) =>
        await changeCertificate(tenant.manager, id, {
          changesOf: ({ labels }) =>
            action === 'label' ? { labels: changedLabels(labels, body.labels) } : {},
          paused: action === 'label' ? 'keep' : action,
          traceparent,
          admit,
        }),
    );
    return undefined;
  }

  /** Returns how far a page was worked on: its own end, or behind the first certificates of it. */
  async #reached(
    request: ActRequest,
    page: CertificatePage,
    count: number,
  ): Promise<Pick<CertificatePage, 'next' | 'scanned'>> {
    if (count === page.certificates.length) return page;
    const ids = new Set(page.certificates.slice(0, count).map(({ id }) => id));
    // What was done may have changed what the filter says of them.
    return await filteredPage(
      {
        ...request.body.filter,
        ...{ state: undefined, awaits: undefined, label: undefined },
        ...{ renewalBefore: undefined, renewalAfter: undefined },
      },
      {
        ...{ caller: request.caller, clock: this.#clock },
        ...{ limit: count, cursor: request.body.cursor },
        where: ({ id }) => ids.has(id),
      },
    );
  }
}

/** @throws ServerError `ERR_SERVER_BODY` for more labels than a certificate may have */
function changedLabels(
  before: Readonly<Record<string, string>> = {},
  changes: ActionRequest['labels'] = {},
): Readonly<Record<string, string>> {
  const after = Object.entries({ ...before, ...changes }).filter(
    (entry): entry is [string, string] => entry[1] !== null,
  );
  if (after.length > 32)
    throw new ServerError('ERR_SERVER_BODY', 'it would have more than 32 labels');
  return Object.fromEntries(after);
}

function refused(pointer: string, detail: string): ServerError {
  return new ServerError('ERR_SERVER_BODY', `the body cannot be used: ${pointer} ${detail}`, {
    errors: [{ pointer, detail }],
  });
}
