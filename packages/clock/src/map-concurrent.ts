/**
 * Maps elements with asynchronous work, at most `limit` pieces at once. An asynchronous iterable is
 * read only as fast as the work goes.
 * After a failure no further work begins. What is running is awaited before the first failure is
 * thrown, so that a caller who cleans up afterwards is alone.
 *
 * @returns the results in the order of the elements
 */
export async function mapConcurrent<T, R>(
  limit: number,
  elements: Iterable<T> | AsyncIterable<T>,
  work: (element: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  const failures: unknown[] = [];
  const pending = numbered(elements);
  const worker = async () => {
    try {
      for await (const [index, element] of pending) {
        if (failures.length > 0) return;
        results[index] = await work(element);
      }
    } catch (error) {
      failures.push(error);
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  if (failures.length > 0) throw failures[0];
  return results;
}

async function* numbered<T>(
  elements: Iterable<T> | AsyncIterable<T>,
): AsyncGenerator<readonly [number, T]> {
  let index = 0;
  for await (const element of elements) yield [index++, element];
}
