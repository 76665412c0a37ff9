import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { inspect } from 'node:util';
import { errorCode } from '@acmex/errors';
import type { Channel } from './channel.ts';
import { eventNotification, report } from './notification.ts';

/** What a receiver decides about a notification. */
export type Decision = 'deliver' | 'retry' | 'refuse';

/** A channel under test, and a real receiver behind it. */
export interface ChannelSubject {
  readonly channel: Channel;
  /** Sets what the receiver decides from now on, and a text that is in its answer. */
  decide(decision: Decision, answer: string): void;
  /** Returns all that the receiver has accepted, each as the text that a person reads. */
  received(): readonly string[];
  /** The credentials of the channel, in each form in which the receiver gets them. */
  readonly secrets: readonly string[];
  /** The longest text that the receiver takes, in bytes. */
  readonly mostBytes: number;
  /** Texts that have an effect in the receiver, such as a mention; none may reach it as it is. */
  readonly effects: readonly string[];
}

export interface ChannelClause {
  readonly title: string;
  readonly check: (subject: ChannelSubject) => Promise<void>;
}

const event = {
  id: 'evt_01kax2b0000000000000000001',
  type: 'renewal_failed',
  time: '2026-11-28T10:00:00Z',
  certificate: 'crt_1',
  names: ['example.com'],
} as const;
const notification = eventNotification({ ...event, message: 'no answer' });

/** Returns what `send` has failed with. */
async function failureOf({ channel }: ChannelSubject): Promise<unknown> {
  try {
    await channel.send(notification);
  } catch (error) {
    return error;
  }
  return assert.fail('the channel says that a notification is delivered, which is not accepted');
}

function holdsNoSecret({ secrets }: ChannelSubject, value: unknown): void {
  const text = inspect(value, { depth: 9 });
  for (const secret of secrets)
    assert.ok(!text.includes(secret), 'the channel repeats a secret of the receiver');
}

/** What each channel does, whatever it leads to. */
export const channelContract: readonly ChannelClause[] = [
  {
    title: 'delivers a notification once, and returns the status of its receiver',
    async check({ channel, decide, received }) {
      decide('deliver', 'accepted');
      const { status } = await channel.send(notification);
      assert.ok(status >= 200 && status < 300, `the status ${status} does not mean accepted`);
      assert.equal(received().length, 1);
      assert.match(received()[0] ?? '', /renewal failed/);
    },
  },
  {
    title: 'fails so that it is tried again where the receiver cannot accept it now',
    async check(subject) {
      subject.decide('retry', 'later');
      const code = errorCode(await failureOf(subject));
      assert.ok(code !== undefined, 'the failure has no code');
      assert.notEqual(code, 'ERR_NOTIFICATIONS_REFUSED');
      subject.decide('deliver', 'accepted');
      await subject.channel.send(notification);
      assert.equal(subject.received().length, 1);
    },
  },
  {
    title: 'fails with ERR_NOTIFICATIONS_REFUSED where the receiver would never accept it',
    async check(subject) {
      subject.decide('refuse', 'never');
      assert.equal(errorCode(await failureOf(subject)), 'ERR_NOTIFICATIONS_REFUSED');
      assert.equal(subject.received().length, 0);
    },
  },
  {
    title: 'repeats no secret that the receiver repeats, and no control character',
    async check(subject) {
      const answer = `no ${subject.secrets.join(' ')} \u001b[2J`;
      for (const decision of ['retry', 'refuse'] as const) {
        subject.decide(decision, answer);
        const failure = await failureOf(subject);
        holdsNoSecret(subject, failure);
        assert.ok(failure instanceof Error && !failure.message.includes('\u001b'));
      }
      subject.decide('deliver', answer);
      const receipt = await subject.channel.send(notification);
      holdsNoSecret(subject, receipt);
      assert.ok(!receipt.answer.includes('\u001b'));
    },
  },
  {
    title: 'escapes text from servers, so that it has no effect in the receiver',
    async check({ channel, decide, received, effects }) {
      decide('deliver', 'accepted');
      const message = ['\u001b[31m', '\u202e', ...effects].join(' ');
      await channel.send(eventNotification({ ...event, message }));
      const [text = ''] = received();
      for (const effect of ['\u001b', '\u202e', ...effects])
        assert.ok(!text.includes(effect), `the receiver gets ${JSON.stringify(effect)} as it is`);
    },
  },
  {
    title: 'cuts what is longer than the receiver takes',
    async check({ channel, decide, received, mostBytes }) {
      decide('deliver', 'accepted');
      const message = '\u{1f512}"&*'.repeat(400);
      await channel.send(report(Array.from({ length: 120 }, () => ({ ...event, message }))));
      const size = Buffer.byteLength(received()[0] ?? '');
      assert.ok(size > 0 && size <= mostBytes, `the receiver gets ${size} bytes`);
    },
  },
  {
    title: 'sends nothing after its signal has aborted',
    async check({ channel, decide, received }) {
      decide('deliver', 'accepted');
      const signal = AbortSignal.abort(new Error('enough'));
      await assert.rejects(channel.send(notification, { signal }));
      assert.equal(received().length, 0);
    },
  },
];
