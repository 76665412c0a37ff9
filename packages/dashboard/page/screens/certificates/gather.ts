/** A part of a list, as the server answers it. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string | undefined;
  /** How many were looked at. */
  readonly scanned: number;
}

export interface GatherOptions<T> {
  /** Reads a page of so many at most, from a cursor on. */
  readonly read: (range: { readonly limit: number; readonly cursor?: string }) => Promise<Page<T>>;
  /** How many items are wanted. */
  readonly wanted: number;
  readonly cursor?: string | undefined;
  /** How many may be looked at. */
  readonly mostScanned?: number;
  /** Called with what there is so far, before each further page. */
  readonly onProgress?: (soFar: Page<T>) => void;
  /** Whether what there is so far is enough. */
  readonly isStopped?: () => boolean;
}

/**
 * Reads on until there are as many items as wanted, the list ends, enough was looked at, or it is
 * stopped: the server looks at a bounded number for each request.
 */
export async function gather<T>({
  read,
  wanted,
  cursor,
  mostScanned = 200_000,
  onProgress,
  isStopped = () => false,
}: GatherOptions<T>): Promise<Page<T>> {
  let soFar: Page<T> = { items: [], next: cursor, scanned: 0 };
  do {
    const { next } = soFar;
    const page = await read({
      limit: wanted - soFar.items.length,
      ...(next === undefined ? {} : { cursor: next }),
    });
    soFar = {
      items: [...soFar.items, ...page.items],
      next: page.next,
      scanned: soFar.scanned + page.scanned,
    };
    if (soFar.next === undefined || soFar.items.length >= wanted) return soFar;
    onProgress?.(soFar);
  } while (soFar.scanned < mostScanned && !isStopped());
  return soFar;
}
