/**
 * What a starter has opened so far. `close` closes it in reverse order, each part even when another failed to close.
 * It stands in for AsyncDisposableStack, which Node.js 20 lacks.
 */
export function opened() {
  const parts: AsyncDisposable[] = [];
  return {
    use<T extends AsyncDisposable>(part: T): T {
      parts.push(part);
      return part;
    },
    async close(): Promise<void> {
      const failures: unknown[] = [];
      for (let part = parts.pop(); part; part = parts.pop()) {
        try {
          await part[Symbol.asyncDispose]();
        } catch (failure) {
          failures.push(failure);
        }
      }
      if (failures.length > 0)
        throw new AggregateError(failures, `could not close: ${failures.map(String).join('; ')}`);
    },
  };
}
