import { wellKnownLimits } from '@acmex/budgets';
import { virtualClock } from '@acmex/clock';
import { expect, it } from '@jest/globals';
import { requestPace } from './request-pace.ts';

const [letsEncrypt] = Object.values(wellKnownLimits);

it("keeps within the limits of requests of Let's Encrypt, each endpoint by itself", async () => {
  const clock = virtualClock();
  const begun = clock.monotonic();
  const pace = requestPace(letsEncrypt!.requests!, clock);
  const sent: Record<string, number> = {};
  const send = async (operation: Parameters<typeof pace>[0], count: number) => {
    for (let sending = 0; sending < count; sending += 1)
      await pace(operation, { signal: undefined });
    sent[operation] = clock.monotonic() - begun;
  };
  // A burst of 10 nonces, then 20 in a second; of 125 others, then 250 in a second.
  await clock.run(
    Promise.all([send('newNonce', 50), send('certificate', 100), send('order', 150)]),
  );
  const { newNonce, certificate = 0, order = 0 } = sent;
  expect([newNonce, Math.max(certificate, order)]).toEqual([2000, 500]);
});

it('ends a wait when its signal aborts', async () => {
  const clock = virtualClock();
  const pace = requestPace(letsEncrypt!.requests!, clock);
  const signal = AbortSignal.abort(new Error('stopped'));
  await expect(pace('newOrder', { signal })).rejects.toThrow('stopped');
});
