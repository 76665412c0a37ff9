/**
 * Returns a function that does work once for all metrics of a scrape: calls that come while it is
 * under way wait for the same work.
 */
export function perScrape(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return async () => {
    running ??= work().finally(() => {
      running = undefined;
    });
    await running;
  };
}
