import { type StandIn, type StandInAnswer, standIn } from '@acmex/dns/stand-in';

const uuid = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

/** acme-dns 1.0, with one registration: api.go, auth.go and validation.go say what it takes. */
export function acmednsStandIn({
  username,
  password,
  subdomain,
}: {
  readonly username: string;
  readonly password: string;
  readonly subdomain: string;
}): StandIn & { readonly values: () => readonly string[] } {
  const error = (status: number, words: string): StandInAnswer => ({
    status,
    body: { error: words },
  });
  let values: readonly string[] = [];
  const host = standIn({
    baseUrl: 'https://auth.test',
    // /register is open; the rest is checked where acme-dns does.
    authorized: ({ url, headers }) =>
      url.pathname !== '/update' ||
      (headers.get('x-api-user') === username &&
        uuid.test(username) &&
        headers.get('x-api-key') === password &&
        password.length === 40),
    words: {
      credentials: error(401, 'forbidden'),
      'rate-limited': { status: 429, text: 'Too Many Requests' },
      unknown: { status: 404, text: '404 page not found' },
      malformed: error(400, 'malformed_json_payload'),
      'server-error': error(500, 'db_error'),
    },
    routes: {
      'POST /register': ({ body }) => {
        const { allowfrom = [] } = body as { readonly allowfrom?: readonly string[] };
        if (!allowfrom.every((network) => /^[\da-f.:]+\/\d+$/.test(network)))
          return error(400, 'invalid_allowfrom_cidr');
        return {
          status: 201,
          body: { username, password, subdomain, fulldomain: `${subdomain}.auth.test`, allowfrom },
        };
      },
      'POST /update': ({ body }) => {
        const { subdomain: input, txt } = body as {
          readonly subdomain: string;
          readonly txt: string;
        };
        if (input !== subdomain) return error(401, 'forbidden');
        if (!/^[\w-]{43}$/.test(txt)) return error(400, 'bad_txt');
        values = [...values, txt].slice(-2);
        return { status: 200, body: { txt } };
      },
    },
  });
  return { ...host, values: () => values };
}
