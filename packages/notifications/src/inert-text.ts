import { Buffer } from 'node:buffer';

/** A mark without width, which keeps a receiver from reading what it separates. */
const mark = '\u200b';

/** Returns text with a mark after each @, so that it mentions no one. */
export function withoutMentions(text: string): string {
  return text.replaceAll('@', `@${mark}`);
}

/** Returns text with a mark inside each `://`, so that no receiver makes a link of it. */
export function withoutLinks(text: string): string {
  return text.replaceAll('://', `:${mark}//`);
}

/** Returns plain text that mentions no one and links to nothing. */
export function inert(text: string): string {
  return withoutMentions(withoutLinks(text));
}

/** Returns text with `&`, `<` and `>` as entities, which Slack and Mattermost read. */
export function withEntities(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/**
 * Returns the beginning of a text, which ends neither inside an escape nor inside a character.
 * @param limit in UTF-16 code units
 */
export function cut(text: string, limit: number): string {
  return text.length <= limit ? text : ellipsis(text.slice(0, limit - 1));
}

/**
 * Returns the beginning of a text, as `cut`.
 * @param limit in bytes of UTF-8
 */
export function cutToBytes(text: string, limit: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= limit) return text;
  const end = limit - Buffer.byteLength('…');
  // A character that is not whole waits for its other bytes, and is left out.
  return ellipsis(new TextDecoder().decode(bytes.subarray(0, end), { stream: true }));
}

function ellipsis(beginning: string): string {
  return `${beginning.replace(/(?:\\|&[a-z]*|[\ud800-\udbff])$/, '')}…`;
}
