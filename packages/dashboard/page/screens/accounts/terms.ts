/** Returns the address of the terms of service that a refusal names; undefined where there is none. */
export function termsIn(message: string): string | undefined {
  const text = /https?:\/\/[^\s,<>"']+/.exec(message)?.[0];
  return text !== undefined && URL.canParse(text) ? text : undefined;
}
