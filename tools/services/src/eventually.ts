import { systemClock } from '@acmex/clock';

/**
 * Waits until `condition` is true. It asks again after 50 ms, or after as long as the last answer
 * took: an expensive question does not slow down what it waits for. A condition that throws is not
 * true yet.
 *
 * @param seconds - the time limit
 * @param state - what the error says about the state at the end
 * @throws Error when the condition is not true within the time limit
 */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  seconds = 60,
  state: () => unknown = () => condition,
): Promise<void> {
  const end = systemClock.monotonic() + seconds * 1_000;
  for (;;) {
    const start = systemClock.monotonic();
    const { isTrue, cause } = await evaluate(condition);
    if (isTrue) return;
    const now = systemClock.monotonic();
    if (now > end)
      throw new Error(`not true within ${seconds} seconds: ${String(state())}`, { cause });
    await systemClock.sleep({ milliseconds: Math.max(50, Math.ceil(now - start)) });
  }
}

async function evaluate(condition: () => boolean | Promise<boolean>) {
  try {
    return { isTrue: await condition() };
  } catch (cause) {
    return { isTrue: false, cause };
  }
}
