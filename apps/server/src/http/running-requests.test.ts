import { EventEmitter, once } from 'node:events';
import { systemClock } from '@acmex/clock';
import { freePort } from '@acmex/services';
import { beforeEach, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Authenticator } from '../access/authenticator.ts';
import { CLOCK } from '../clock.ts';
import { LOG } from '../log.ts';
import type { ServerMetrics } from '../metrics/metrics.ts';
import { SCHEDULING, type Scheduling } from '../scheduling.ts';
import { WebhookSenders } from '../webhooks/webhook-senders.ts';
import { application } from './application.ts';
import { answer, type Answer, endpoint, Handles } from './endpoint.ts';
import { Idempotency } from './idempotency.ts';
import { IS_AUDITED, STOPPING } from './request-pipeline.ts';
import { serverPaths, SERVER_PATHS } from './server-paths.ts';

const description = endpoint({
  method: 'POST',
  path: '/write',
  scope: 'none',
  summary: 'Writes something',
  answers: { 200: { description: 'It is written.' } },
});
/** `begun` when the request is being handled, `written` to let it end. */
let events: EventEmitter;
beforeEach(() => {
  events = new EventEmitter();
});

@Injectable()
class Writer {
  @Handles(description)
  async write(): Promise<Answer> {
    const written = once(events, 'written');
    events.emit('begun');
    await written;
    return answer(200, 'written', { 'content-type': 'text/plain' });
  }
}

async function started(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const scheduling: Scheduling = {
    wake: () => undefined,
    counts: async () => ({}) as never,
    late: () => undefined,
  };
  const app = await application({
    controllers: [Writer],
    imports: [],
    isReachable: () => true,
    providers: [
      { provide: Authenticator, useValue: {} },
      { provide: WebhookSenders, useValue: {} },
      { provide: Idempotency, useValue: new Idempotency(systemClock) },
      { provide: SCHEDULING, useValue: scheduling },
      { provide: STOPPING, useValue: new AbortController().signal },
      { provide: IS_AUDITED, useValue: false },
      { provide: CLOCK, useValue: systemClock },
      { provide: SERVER_PATHS, useValue: serverPaths() },
      { provide: LOG, useValue: () => undefined },
    ],
    trustedProxies: { isTrusted: () => false, mayConnectInClear: () => true },
    isOwnHost: () => true,
    metrics: { countRequest: () => undefined } as unknown as ServerMetrics,
    log: () => undefined,
    clock: systemClock,
  });
  const port = await freePort();
  await app.listen(port, '127.0.0.1');
  return { url: `http://127.0.0.1:${port}/write`, close: async () => await app.close() };
}

it.each(['waits for its answer', 'has gone'])(
  'ends after the requests that it handles, when a caller %s',
  async (caller) => {
    const server = await started();
    const leaving = new AbortController();
    const begun = once(events, 'begun');
    const reply = fetch(server.url, { method: 'POST', signal: leaving.signal }).then(
      async (received) => `${received.status} ${await received.text()}`,
      () => 'no answer',
    );
    await begun;
    if (caller === 'has gone') {
      leaving.abort();
      await reply;
    }
    const order: string[] = [];
    const closed = server.close().then(() => order.push('closed'));
    // Time for a server that does not wait to close.
    await systemClock.sleep({ milliseconds: 300 });
    order.push('written');
    events.emit('written');
    await closed;
    expect([order, await reply]).toEqual([
      ['written', 'closed'],
      caller === 'has gone' ? 'no answer' : '200 written',
    ]);
  },
);
