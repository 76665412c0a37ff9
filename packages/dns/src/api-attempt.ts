import { type Clock, type DurationInput, withTimeLimit } from '@acmex/clock';
import { noAnswer, type Outcome, verdict } from './api-verdict.ts';
import { readAnswer } from './answer.ts';
import { concealed, reveal } from './credentials.ts';
import { DnsError } from './errors.ts';
import type { CallOptions, JsonApiOptions, Method } from './json-api.ts';

export type Host = JsonApiOptions & { readonly clock: Clock };

interface Attempt<T> {
  readonly method: Method;
  readonly path: string;
  readonly call: CallOptions<T>;
  readonly limit: DurationInput;
}

/** Sends a request once. @throws DnsError where it cannot be made, and the reason of the signal when that aborts */
export async function attempt<T>(
  host: Host,
  { method, path, call, limit }: Attempt<T>,
): Promise<Outcome<T>> {
  const { provider, clock } = host;
  const { signal } = call;
  signal?.throwIfAborted();
  const { url, body, headers, secrets } = await request(host, { method, path, call });
  const question = {
    provider,
    call,
    what: `${method} ${url.pathname}`,
    repeatable: call.repeatable ?? !['POST', 'PATCH'].includes(method),
    refusal: host.refusal,
    conceal: (text: string) => concealed(text, secrets),
  };
  try {
    const answer = await withTimeLimit(
      { clock, limit, signal },
      async (limited) =>
        await readAnswer(
          await (host.fetch ?? fetch)(url, {
            method,
            headers,
            ...(body === '' ? {} : { body }),
            redirect: 'manual',
            signal: limited,
          }),
        ),
    );
    return verdict(answer, { ...question, now: clock.now() });
  } catch (cause) {
    signal?.throwIfAborted();
    return noAnswer(cause, { ...question, what: `${question.what} from ${url.host}` });
  }
}

async function request<T>(
  { provider, baseUrl, headers: given = {}, sign }: Host,
  { method, path, call }: Omit<Attempt<T>, 'limit'>,
) {
  // A URL would take them for steps upwards.
  if (/(^|\/)(\.|%2e){1,2}([/?]|$)/i.test(path))
    throw new DnsError(
      'ERR_DNS_API',
      `${provider}: ${JSON.stringify(path)} has a name of nothing but dots: give the name of a zone`,
    );
  const url = new URL(`${baseUrl}${path}`);
  const secrets = Object.fromEntries(
    await Promise.all(
      Object.entries(given).map(
        async ([name, value]) =>
          [
            name,
            await reveal(value, { provider, what: `the credential in the header ${name}` }),
          ] as const,
      ),
    ),
  );
  const form = call.body instanceof URLSearchParams;
  const body = call.body === undefined ? '' : form ? String(call.body) : JSON.stringify(call.body);
  const plain = {
    accept: 'application/json',
    'user-agent': 'acmex',
    ...(body === ''
      ? {}
      : { 'content-type': form ? 'application/x-www-form-urlencoded' : 'application/json' }),
    ...secrets,
  };
  return {
    url,
    body,
    secrets: Object.values(secrets),
    headers: { ...plain, ...(await sign?.({ method, url, headers: plain, body })) },
  };
}
