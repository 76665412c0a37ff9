/**
 * Works through a list, `lanes` at once, and gives the results in the list's order. After a failure nothing new is begun,
 * but what is under way is waited for before the first failure is thrown: whoever cleans up afterwards is alone.
 */
export async function inLanes<T, R>(
  lanes: number,
  list: readonly T[],
  work: (one: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  const failures: unknown[] = [];
  const rest = list.entries();
  const lane = async () => {
    for (const [index, one] of rest) {
      if (failures.length > 0) return;
      try {
        results[index] = await work(one);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, list.length) }, lane));
  if (failures.length > 0) throw failures[0];
  return results;
}
