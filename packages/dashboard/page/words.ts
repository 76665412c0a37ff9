import { strings } from './strings/strings.ts';

/** The words that every screen uses. */
export const words = await strings('shell');
