/**
 * Characters that change how the text around them is shown, or that are not shown: control
 * characters, marks of direction, joiners, tags.
 */
const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Returns a text whose invisible characters are written as `\u{202E}`: it shows all that it says. */
export function visibleText(text: string): string {
  return text.replace(
    invisible,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`,
  );
}

/** Returns content with its text made visible, if it is a text; elements take care of themselves. */
export function visibleContent<T>(content: T): T | string {
  return typeof content === 'string' ? visibleText(content) : content;
}
