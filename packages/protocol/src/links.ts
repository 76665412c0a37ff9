import { AcmeError } from './errors.ts';
import type { AcmeResponse, HttpHeaders } from './http.ts';

/**
 * The targets of an answer's `Link` headers of one relation, as absolute URLs. RFC 8288, RFC 8555
 * §7.1.
 */
export function links(headers: HttpHeaders, relation: string, base: string): readonly string[] {
  return [...(headers.get('link') ?? '').matchAll(/<([^<>]*)>([^<]*)/g)]
    .filter(([, , parameters = '']) =>
      /;\s*rel="?([^";,]*)"?/i.exec(parameters)?.[1]?.split(/\s+/).includes(relation),
    )
    .map(([, target = '']) => target)
    .filter((target) => URL.canParse(target, base))
    .map((target) => new URL(target, base).href);
}

/** The URL of what a CA made. @throws AcmeError `ERR_ACME_ANSWER` without one */
export function location(what: string, { url, headers }: AcmeResponse): string {
  const text = headers.get('location');
  if (text !== null && URL.canParse(text, url)) return new URL(text, url).href;
  throw new AcmeError(
    'ERR_ACME_ANSWER',
    `${url}: the CA made ${what}, but did not say where: the Location header is missing`,
  );
}
