import type { Clock } from '@acmex/clock';
import { CertificateCensus, type CountedCertificate } from '@acmex/observability';
import { type CertificateState, certificateStates, isWaiting } from '@acmex/orchestrator';
import { Inject, Injectable } from '@nestjs/common';
import { Temporal } from 'temporal-polyfill';
import * as z from 'zod';
import { CLOCK } from '../clock.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { day, timeZone } from '../http/fields.ts';
import { countedFor } from './counted.ts';

/** How many orders are named. */
const namedOrders = 20;
const dayMs = 86_400_000;

const show = endpoint({
  method: 'GET',
  path: '/api/certificates/summary',
  scope: 'certificates:read',
  summary: 'Count certificates by state, and expiries and planned renewals by day',
  query: z.strictObject({
    from: day.optional().describe('The first day; today by default.'),
    days: z.coerce.number().int().min(1).max(400).default(90).describe('How many; 1 to 400.'),
    timeZone: timeZone.default('UTC').describe('Where the days begin at midnight.'),
  }),
  answers: {
    200: {
      description:
        'Counts of the certificates that the key may see. They are kept in memory: a change is seen at once where it has an event, and within a quarter of an hour elsewhere.',
      schema: z
        .object({
          states: z.object(
            Object.fromEntries(certificateStates.map((state) => [state, z.number().int()])) as {
              readonly [S in CertificateState]: z.ZodNumber;
            },
          ),
          days: z
            .array(
              z.object({
                date: z.string().describe('2026-11-29'),
                expiring: z.number().int().describe('How many expire on that day.'),
                renewing: z
                  .number()
                  .int()
                  .describe('How many are to be renewed on it; paused ones are not.'),
              }),
            )
            .describe('Only days that have any.'),
          underWay: z.number().int().describe('How many are being ordered.'),
          awaiting: z
            .number()
            .int()
            .describe('How many of their orders wait for DNS records that a person sets.'),
          orders: z
            .array(z.string())
            .describe(
              'The newest 20 of their orders; those that wait for a person come first, and those that have failed come last.',
            ),
        })
        .meta({ id: 'CertificateSummary' }),
    },
  },
});

/** Counts of all certificates of a tenant, for pages that show many at once. */
@Injectable()
export class Summary {
  readonly #census: CertificateCensus;
  readonly #clock: Clock;

  constructor(@Inject(CertificateCensus) census: CertificateCensus, @Inject(CLOCK) clock: Clock) {
    this.#census = census;
    this.#clock = clock;
  }

  @Handles(show)
  async show({ caller, query }: RequestOf<typeof show>): Promise<Answer> {
    const states = new Map(certificateStates.map((state) => [state, 0]));
    const days = new Days({
      ...query,
      from: query.from ?? this.#clock.now().toZonedDateTimeISO(query.timeZone).toPlainDate(),
    });
    const ordered: CountedCertificate[] = [];
    for (const certificate of await countedFor(this.#census, caller)) {
      const { state, endMs, renewMs, paused, order } = certificate;
      states.set(state, (states.get(state) ?? 0) + 1);
      days.count('expiring', endMs);
      if (renewMs !== undefined && !paused) days.count('renewing', renewMs);
      if (order !== undefined) ordered.push(certificate);
    }
    return answer(200, {
      states: Object.fromEntries(states),
      days: days.counted(),
      underWay: ordered.length,
      awaiting: ordered.filter(({ isAwaiting }) => isAwaiting).length,
      orders: ordersOf(ordered),
    });
  }
}

function ordersOf(certificates: readonly CountedCertificate[]): readonly string[] {
  const newest = (wanted: Urgency) =>
    certificates
      .filter((certificate) => urgencyOf(certificate) === wanted)
      .flatMap(({ order = [] }) => order)
      .sort()
      .reverse();
  return [...newest('awaiting'), ...newest('at work'), ...newest('failed')].slice(0, namedOrders);
}

type Urgency = 'awaiting' | 'at work' | 'failed';

function urgencyOf({ isAwaiting, failure }: CountedCertificate): Urgency {
  if (isAwaiting) return 'awaiting';
  return failure === undefined || isWaiting(failure) ? 'at work' : 'failed';
}

interface DaysOptions {
  readonly from: string | Temporal.PlainDate;
  readonly days: number;
  readonly timeZone: string;
}

/** Counts moments by the day of a time zone. */
class Days {
  readonly #from: Temporal.PlainDate;
  /** When each day begins, and the one behind the last, in milliseconds. */
  readonly #starts: readonly number[];
  readonly #counts = new Map<number, { expiring: number; renewing: number }>();

  constructor({ from, days, timeZone: zone }: DaysOptions) {
    this.#from = Temporal.PlainDate.from(from);
    this.#starts = Array.from(
      { length: days + 1 },
      (_, index) => this.#from.add({ days: index }).toZonedDateTime(zone).epochMilliseconds,
    );
  }

  /** Counts a moment, unless it is on none of the days. */
  count(what: 'expiring' | 'renewing', atMs: number): void {
    const index = this.#indexOf(atMs);
    if (index === undefined) return;
    const counts = this.#counts.get(index) ?? { expiring: 0, renewing: 0 };
    counts[what] += 1;
    this.#counts.set(index, counts);
  }

  /** Returns the days that have something, the first one first. */
  counted() {
    return [...this.#counts]
      .sort(([first], [second]) => first - second)
      .map(([index, counts]) => ({ date: this.#from.add({ days: index }).toString(), ...counts }));
  }

  #indexOf(atMs: number): number | undefined {
    const startOf = (index: number) => this.#starts[index] ?? Infinity;
    const last = this.#starts.length - 2;
    if (!(atMs >= startOf(0) && atMs < startOf(last + 1))) return undefined;
    // Days are 24 hours long, but for a few.
    let index = Math.min(last, Math.floor((atMs - startOf(0)) / dayMs));
    while (atMs < startOf(index)) index -= 1;
    while (atMs >= startOf(index + 1)) index += 1;
    return index;
  }
}
