import { newOrder } from '@acmex/protocol';
import { expect, it } from '@jest/globals';
import { testCa } from './ca.testing.ts';
import { type AnswerReport, currentCrl, storedCrlTimes } from './index.ts';

it('reports each answer to a client with its problem type, and each certificate that is issued', async () => {
  const answers: AnswerReport[] = [];
  const issued: (string | undefined)[] = [];
  const ca = await testCa({
    onAnswer: (report) => void answers.push(report),
    onIssued: ({ profile }) => void issued.push(profile),
  });
  const { session } = await ca.account();
  await newOrder(session, { identifiers: [{ type: 'dns', value: 'a.test' }] });
  expect(answers.at(-1)).toEqual({ status: 201 });
  const refused = newOrder(session, { identifiers: [{ type: 'dns', value: 'a.elsewhere' }] });
  await expect(refused).rejects.toThrow();
  expect(answers.at(-1)).toEqual({ status: 400, problem: 'rejectedIdentifier' });
  expect(issued).toEqual([]);
});

it('knows the times of the latest revocation list, once there is one', async () => {
  const { storage, issuer, clock } = await testCa();
  await expect(storedCrlTimes(storage, issuer)).resolves.toBeUndefined();
  const lifetimes = { crl: clock.now().until(clock.now().add({ hours: 168 })) };
  await currentCrl(
    { storage, issuer, clock, lifetimes },
    {
      onError: (error) => {
        throw error;
      },
    },
  );
  await expect(storedCrlTimes(storage, issuer)).resolves.toEqual({
    thisUpdate: expect.stringMatching(/^2026-0[56]-/),
    nextUpdate: expect.stringMatching(/^2026-06-0[78]T/),
  });
});
