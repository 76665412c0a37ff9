/**
 * What a starter has opened so far. `close` closes it in reverse order, each part even when another
 * failed to close. It replaces AsyncDisposableStack, which Node.js 20 lacks.
 */
export function opened() {
  const resources: AsyncDisposable[] = [];
  return {
    use<T extends AsyncDisposable>(part: T): T {
      resources.push(part);
      return part;
    },
    async close(): Promise<void> {
      const failures: unknown[] = [];
      for (let part = resources.pop(); part; part = resources.pop()) {
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
