/**
 * Returns a host in the form that URLs have it: A-labels in lower case, or a canonical address.
 * `new URL` is the portable implementation of UTS 46; `URL.canParse` of some Node.js releases gives
 * wrong answers for Latin-1 text.
 */
export function canonicalHost(host: string): string | undefined {
  try {
    return new URL(`http://${host}/`).hostname;
  } catch {
    return undefined;
  }
}
