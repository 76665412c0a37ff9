import { CaError } from './errors.ts';

/** Where everything is: made from the configured URL alone, never from a request's Host. */
export interface Urls {
  /** The absolute URL of a path of this server, such as `/new-order`. */
  readonly of: (path: string) => string;
  /** The path of this server that a request is for; undefined where it is for none. */
  readonly pathOf: (requestUrl: string) => string | undefined;
}

export function urlsUnder(url: string): Urls {
  const base = URL.canParse(url) ? new URL(url) : undefined;
  if (
    !base ||
    !/^https?:$/.test(base.protocol) ||
    base.search !== '' ||
    base.hash !== '' ||
    base.username !== '' ||
    base.password !== ''
  ) {
    throw new CaError(
      'ERR_CA_URL',
      `${JSON.stringify(url)} cannot be the address of a CA: give an http or https URL without query, as https://ca.example/acme`,
    );
  }
  const prefix = base.pathname.replace(/\/+$/, '');
  return {
    of: (path) => `${base.origin}${prefix}${path}`,
    pathOf(requestUrl) {
      if (!URL.canParse(requestUrl)) return undefined;
      const { pathname, search } = new URL(requestUrl);
      return search === '' && pathname.startsWith(`${prefix}/`)
        ? pathname.slice(prefix.length)
        : undefined;
    },
  };
}
