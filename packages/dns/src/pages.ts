import { DnsError } from './errors.ts';

/** One page: its items, and where the next begins; `null`, an empty text or nothing on the last. */
export interface Page<Item, Place> {
  readonly items: readonly Item[];
  readonly next: Place | null | undefined;
}

/**
 * The items of all pages, asked for one after the other.
 * @throws DnsError `ERR_DNS_API` for a host whose pages lead back to one that was seen, or are more
 * than a thousand
 */
export async function allPages<Item, Place>(
  begin: Place,
  ask: (place: Place) => Promise<Page<Item, Place>>,
  { provider }: { readonly provider: string },
): Promise<readonly Item[]> {
  const items: Item[] = [];
  const seen = new Set<Place>();
  for (let place: Place | undefined = begin; place !== undefined;) {
    if (seen.has(place) || seen.size === 1000)
      throw new DnsError(
        'ERR_DNS_API',
        `${provider}: its pages have no end: see whether ${provider} has trouble, or has changed its API`,
      );
    seen.add(place);
    const page: Page<Item, Place> = await ask(place);
    items.push(...page.items);
    place = page.next === null || page.next === '' ? undefined : page.next;
  }
  return items;
}
