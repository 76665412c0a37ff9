import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type VirtualClock, virtualClock } from '@acmex/clock';
import { type DnsProvider, unquoted } from '@acmex/dns';
import { alibaba } from '@acmex/dns-alibaba';
import { azure } from '@acmex/dns-azure';
import { cloudflare } from '@acmex/dns-cloudflare';
import { cloudns } from '@acmex/dns-cloudns';
import { digitalocean } from '@acmex/dns-digitalocean';
import { google } from '@acmex/dns-google';
import { linode } from '@acmex/dns-linode';
import { powerdns } from '@acmex/dns-powerdns';
import { describe, expect, it } from '@jest/globals';

interface Interaction {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly request?: unknown;
  readonly status: number;
  readonly answer?: unknown;
}
type Transport = { readonly fetch: typeof fetch; readonly clock: VirtualClock };
type Fields = Readonly<Record<string, unknown>>;

interface RecordedHost {
  readonly zone: string;
  /** Of the record; `_acme-challenge.deleterecordinset` by default. */
  readonly name?: string;
  readonly open: (transport: Transport) => DnsProvider;
  /** What a request does, in terms that two clients of the host share. */
  readonly meaning: (action: string, fields: Fields) => unknown;
  /** Answers to questions that the recorded client did not ask. */
  readonly unrecorded?: (action: string) => unknown;
}

const azureZone =
  '/subscriptions/SUBSCRIPTION_ID/resourceGroups/dns-test/providers/Microsoft.Network/dnszones/full4ir.tk';
const contentOf = ({ content }: { readonly content: string }) => unquoted(content);
const hosts: Readonly<Record<string, RecordedHost>> = {
  alibaba: {
    zone: 'mean.space',
    open: (transport) => alibaba({ accessKeyId: 'i', accessKeySecret: 's', ...transport }),
    meaning: (action, { DomainName, RR, TTL, Type, Value, RecordId }) =>
      action === 'AddDomainRecord' ? { DomainName, RR, TTL, Type, Value } : { RecordId },
  },
  azure: {
    zone: 'full4ir.tk',
    name: '_acme-challenge.test',
    open: (transport) =>
      azure({ credentials: { accessToken: 't' }, subscriptionId: 'SUBSCRIPTION_ID', ...transport }),
    meaning: (_, { properties }) => properties,
    unrecorded(action) {
      if (action.endsWith('/resources')) return { value: [{ id: azureZone }] };
      return action.startsWith('get ') ? new Response('{}', { status: 404 }) : undefined;
    },
  },
  cloudflare: {
    zone: 'byemike.org',
    open: (transport) => cloudflare({ token: 'a-token', ...transport }),
    meaning: (_, { type, name, content, ttl }) => ({
      type,
      name,
      ttl,
      content: content === undefined ? undefined : unquoted(String(content)),
    }),
    unrecorded: (action) =>
      /^GET .*\/dns_records$/.test(action)
        ? { success: true, result: [], result_info: { total_pages: 0 } }
        : undefined,
  },
  cloudns: {
    zone: 'api-example.com',
    open: (transport) => cloudns({ user: { authId: '1' }, password: 'pass', ...transport }),
    meaning: (_, fields) =>
      Object.fromEntries(
        Object.entries(fields).filter(
          ([name, value]) => !/^auth-/.test(name) && !/^placeholder/.test(String(value)),
        ),
      ),
  },
  digitalocean: {
    zone: 'foxwoodswebsites.com',
    open: (transport) => digitalocean({ token: 't', ...transport }),
    meaning: (_, fields) => fields,
  },
  google: {
    zone: 'fullm3tal.tk',
    open: (transport) =>
      google({
        project: 'named-archway-209418',
        managedZone: '699036609868956548',
        credentials: { accessToken: 't' },
        ...transport,
      }),
    meaning: (_, { additions = [], deletions = [] }) => ({ additions, deletions }),
  },
  linode: {
    zone: 'lexicon-test.com',
    open: (transport) => linode({ token: 't', ...transport }),
    // The recorded client leaves the time to live to the domain.
    meaning: (_, { type, name, target }) => ({ type, name, target }),
  },
  powerdns: {
    zone: 'sometestdomain.com',
    open: (transport) => powerdns({ url: 'http://127.0.0.1:8081', apiKey: 'k', ...transport }),
    meaning: (_, { rrsets }) =>
      (rrsets as readonly { readonly records: readonly { readonly content: string }[] }[]).map(
        (rrset) => ({ ...rrset, records: rrset.records.map(contentOf).sort() }),
      ),
    unrecorded: (action) => (action.endsWith('/notify') ? { result: 'queued' } : undefined),
  },
};

/** Names an action: by its path, its method where the path has several, or a parameter. */
function actionOf(method: string, path: string, action: string | undefined): string {
  if (action !== undefined) return action;
  // Azure Resource Manager takes its paths in any case.
  if (path.startsWith('/subscriptions/')) return `${method} ${path}`.toLowerCase();
  return path.startsWith('/dns/') && path.endsWith('.json') ? path : `${method} ${path}`;
}
const isQuestion = (action: string) =>
  /^(GET |get |Describe)|\/(records|get-zone-info|list-zones|get-pages-count)\.json$/.test(action);
const fieldsOf = (value: unknown): Fields =>
  typeof value === 'string'
    ? Object.fromEntries(new URLSearchParams(value))
    : { ...(value as object | undefined) };

/** Answers questions as they were answered before the next change in the recording. */
function recordedHost(type: string) {
  const file = join(import.meta.dirname, `../../../dns-${type}/src/recorded.json`);
  const { interactions } = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly interactions: readonly Interaction[];
  };
  const { meaning, unrecorded } = hosts[type]!;
  const recorded = interactions.map((interaction) => {
    const action = actionOf(interaction.method, interaction.path, interaction.query?.['Action']);
    return {
      ...interaction,
      action,
      fields: { ...interaction.query, ...fieldsOf(interaction.request) },
    };
  });
  const changes = recorded.filter(({ action }) => !isQuestion(action));
  const made: { readonly action: string; readonly meaning: unknown }[] = [];
  const respond = ({ status, answer }: Pick<Interaction, 'status' | 'answer'>) =>
    new Response(status === 204 || answer === undefined ? null : JSON.stringify(answer), {
      status,
      headers: { 'content-type': 'application/json' },
    });
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const { pathname, searchParams } = new URL(request.url);
    const action = actionOf(
      request.method,
      pathname,
      request.headers.get('x-acs-action') ?? undefined,
    );
    const text = await request.text();
    const answer = unrecorded?.(action);
    if (isQuestion(action)) {
      const next = recorded.indexOf(changes[made.length]!);
      const known = recorded
        .slice(0, next === -1 ? undefined : next)
        .filter((interaction) => interaction.action === action)
        .at(-1);
      if (known) return respond(known);
    } else if (answer === undefined) {
      const fields = {
        ...Object.fromEntries(searchParams),
        ...fieldsOf(text.startsWith('{') ? JSON.parse(text) : text),
      };
      const change = changes[made.length];
      made.push({ action, meaning: meaning(action, fields) });
      if (change) return respond(change);
    }
    if (answer instanceof Response) return answer;
    return answer === undefined
      ? new Response(`not recorded: ${action}`, { status: 400 })
      : Response.json(answer);
  };
  const wanted = changes.map(({ action, fields }) => ({
    action,
    meaning: meaning(action, fields),
  }));
  return { fetch, made, wanted };
}

describe.each(Object.keys(hosts))('the recorded traffic of %s', (type) => {
  it('is answered as recorded, and its changes are requested as recorded', async () => {
    const { zone, name = '_acme-challenge.deleterecordinset', open } = hosts[type]!;
    const host = recordedHost(type);
    const clock = virtualClock();
    const provider = open({ fetch: host.fetch, clock });
    const [only, first, second] = ['', '1', '2'].map((number) => ({
      name,
      value: `challengetoken${number}`,
      ttl: 3600,
    }));
    // Some recordings have less than two records.
    if (host.wanted.length === 1) await clock.run(provider.append(zone, [only!]));
    else await clock.run(provider.append(zone, [first!]));
    if (host.wanted.length > 2) await clock.run(provider.append(zone, [second!]));
    if (host.wanted.length > 1) await clock.run(provider.remove(zone, [first!]));
    expect(host.made).toEqual(host.wanted);
  });
});
