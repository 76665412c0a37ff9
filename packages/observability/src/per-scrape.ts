/**
 * Returns a function that does work once for all metrics of a scrape: calls that come while it is
 * under way wait for the same work.
 */
export function perScrape<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return async () => {
    running ??= work().finally(() => {
      running = undefined;
    });
    return await running;
  };
}
