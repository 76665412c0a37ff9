/** What every search in a list has. */
export const search = {
  apply: 'Search',
  clear: 'Clear the filter',
} as const satisfies object;
