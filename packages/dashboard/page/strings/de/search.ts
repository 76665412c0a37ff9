import type { search as english } from '../en/search.ts';
import type { Translation } from '../translation.ts';

export const search: Translation<typeof english> = {
  apply: 'Suchen',
  clear: 'Filter leeren',
};
