import { ApiError } from './errors.ts';

interface Page {
  readonly items: readonly unknown[];
  readonly next?: string;
}

/** Yields pages until one has no `next`. */
export async function* pages(
  path: string,
  read: (query: { readonly cursor?: string }) => Promise<unknown>,
): AsyncGenerator<Page, void, undefined> {
  for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined;) {
    const page = await read(cursor === undefined ? {} : { cursor });
    if (!isPage(page) || (!isFirst && page.next === cursor && cursor !== undefined))
      throw new ApiError('ERR_API_ANSWER', `GET ${path}: the answer is not a page of a list`);
    [cursor, isFirst] = [page.next, false];
    yield page;
  }
}

function isPage(body: unknown): body is Page {
  return typeof body === 'object' && body !== null && 'items' in body && Array.isArray(body.items);
}
