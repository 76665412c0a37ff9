import type { Clock } from '@acmex/clock';
import { CertificateCensus } from '@acmex/observability';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import { countedFor } from '../certificates/counted.ts';
import { CLOCK } from '../clock.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { certificateCalendar } from './certificate-calendar.ts';

const contentType = 'text/calendar; charset=utf-8';
const range = { hours: 366 * 24 };
const show = endpoint({
  method: 'GET',
  path: '/api/calendar.ics',
  scope: 'certificates:read',
  summary: 'The expiries and planned renewals of the next year, for calendar programs',
  takesCalendarToken: true,
  browser: true,
  query: z.strictObject({
    token: z
      .string()
      .max(200)
      .optional()
      .describe(
        'A token of /api/calendar-tokens, in place of a key: programs that subscribe send no headers.',
      ),
  }),
  answers: {
    200: {
      description:
        'iCalendar (RFC 5545): the next 1,000 events. An event of a certificate has the same UID after its renewal.',
      contentType,
    },
  },
});

/** The calendar of certificates. */
@Injectable()
export class Calendar {
  readonly #census: CertificateCensus;
  readonly #clock: Clock;

  constructor(@Inject(CertificateCensus) census: CertificateCensus, @Inject(CLOCK) clock: Clock) {
    this.#census = census;
    this.#clock = clock;
  }

  @Handles(show)
  async show({ caller }: RequestOf<typeof show>): Promise<Answer> {
    const now = this.#clock.now();
    const calendar = certificateCalendar(await countedFor(this.#census, caller), {
      fromMs: now.epochMilliseconds,
      untilMs: now.add(range).epochMilliseconds,
    });
    return answer(200, calendar, {
      'content-type': contentType,
      'content-disposition': 'inline; filename="certificates.ics"',
      'cache-control': 'no-store',
    });
  }
}
