import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type VirtualClock, virtualClock } from '@acmex/clock';
import { type DnsProvider, unquoted } from '@acmex/dns';
import { alibaba } from '@acmex/dns-alibaba';
import { azure } from '@acmex/dns-azure';
import { cloudflare } from '@acmex/dns-cloudflare';
import { cloudns } from '@acmex/dns-cloudns';
import { digitalocean } from '@acmex/dns-digitalocean';
import { godaddy } from '@acmex/dns-godaddy';
import { google } from '@acmex/dns-google';
import { huawei } from '@acmex/dns-huawei';
import { linode } from '@acmex/dns-linode';
import { powerdns } from '@acmex/dns-powerdns';
import { route53 } from '@acmex/dns-route53';
import { describe, expect, it } from '@jest/globals';
import { fetchHandler } from './zone-hosts.testing.ts';

interface Interaction {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly request?: unknown;
  readonly status: number;
  readonly answer?: unknown;
  /** See `actionOf`. */
  readonly action: string;
}
type Transport = { readonly fetch: typeof fetch; readonly clock: VirtualClock };
type Fields = Readonly<Record<string, unknown>>;

interface RecordedHost {
  readonly zone: string;
  /** Of the record; `_acme-challenge.deleterecordinset` by default. */
  readonly name?: string;
  readonly open: (transport: Transport) => DnsProvider;
  /**
   * What a request does, in terms that two clients of the host share. Where the clients change a
   * record set by different requests: the set afterwards, from the set before.
   */
  readonly meaning: (action: string, fields: Fields, before: unknown) => unknown;
  /** Names the action that two different requests have in common. */
  readonly commonAction?: string;
  /** Reads the answer to a narrow question from the recorded answer to a wider question. */
  readonly narrow?: (
    question: { readonly action: string; readonly query: URLSearchParams },
    earlier: readonly Interaction[],
  ) => unknown;
  /** Answers to questions that the recorded client did not ask. */
  readonly unrecorded?: (action: string) => unknown;
}

interface GodaddyRow {
  readonly type?: string;
  readonly name?: string;
  readonly data: string;
  readonly ttl: number;
}
const godaddyName = '_acme-challenge.deleterecordinset';
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
  godaddy: {
    zone: 'fullm3tal.online',
    open: (transport) => godaddy({ key: 'k', secret: 's', ...transport }),
    commonAction: 'change TXT records',
    meaning(action, fields, before = []) {
      const rows = (Object.values(fields) as readonly GodaddyRow[])
        .filter(({ name = godaddyName }) => name === godaddyName)
        .map(({ data, ttl }) => ({ data, ttl }));
      return action.startsWith('PATCH ') ? [...(before as readonly object[]), ...rows] : rows;
    },
    // The recorded client reads the whole zone before it removes a record.
    narrow({ action }, earlier) {
      const [, domain = '', name] = /^GET (.*)\/TXT\/(.*)$/.exec(action) ?? [];
      const all = earlier.filter(({ method, path }) => method === 'GET' && path.startsWith(domain));
      return (all.at(-1)?.answer as readonly GodaddyRow[]).filter(
        (row) => row.type === 'TXT' && row.name === name,
      );
    },
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
  huawei: {
    // Flexible Engine of Orange, which has the API of Huawei Cloud DNS.
    zone: 'flexibleengine.test',
    name: '_acme-challenge.deleterecordset',
    open: (transport) => huawei({ accessKeyId: 'i', secretAccessKey: 's', ...transport }),
    meaning: (_, { type, name, ttl, records }) => ({
      type,
      ttl,
      records,
      name: typeof name === 'string' ? name.replace(/\.$/, '') : name,
    }),
    unrecorded: (action) => (/^GET .*\/recordsets$/.test(action) ? { recordsets: [] } : undefined),
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
  route53: {
    zone: 'fullcr1stal.tk',
    open: ({ fetch, clock }) =>
      route53({
        credentials: { accessKeyId: 'i', secretAccessKey: 's' },
        requestHandler: fetchHandler(fetch),
        clock,
      }),
    commonAction: 'POST /2013-04-01/hostedzone/Z040120927RX9CM38HPQQ/rrset',
    meaning: (_, { xml }, before) => route53SetAfter(String(xml), before),
    // The recorded client reads the whole zone.
    narrow({ action, query }, earlier) {
      const whole = earlier.findLast((interaction) => interaction.action === action)?.answer;
      if (!action.endsWith('/rrset')) return whole;
      const sets = elementsOf(String(whole), 'ResourceRecordSet');
      const wanted = sets.filter((set) => textOf(set, 'Name') === `${query.get('name')}.`);
      return String(whole).replace(sets.join(''), wanted.join(''));
    },
    unrecorded: (action) =>
      action.includes('/change/')
        ? new Response(
            '<GetChangeResponse><ChangeInfo><Id>C</Id><Status>INSYNC</Status><SubmittedAt>2022-04-19T20:56:33Z</SubmittedAt></ChangeInfo></GetChangeResponse>',
          )
        : undefined,
  },
};

/** Returns the elements of a name, with their tags. */
const elementsOf = (xml: string, name: string) =>
  [...xml.matchAll(new RegExp(`<${name}>.*?</${name}>`, 'gs'))].map(([element]) => element);
const textsOf = (xml: string, name: string) =>
  elementsOf(xml, name).map((element) =>
    element.replaceAll(/^<[^>]*>|<[^>]*>$/g, '').replaceAll('&quot;', '"'),
  );
const textOf = (xml: string, name: string) => textsOf(xml, name)[0];
/** Returns the record set after a batch of changes that is written in XML. */
function route53SetAfter(xml: string, before: unknown): unknown {
  return elementsOf(xml, 'Change').reduce((set, change) => {
    const written = {
      name: textOf(change, 'Name')?.replace(/\.$/, ''),
      type: textOf(change, 'Type'),
      ttl: textOf(change, 'TTL'),
      values: textsOf(change, 'Value'),
    };
    const action = textOf(change, 'Action');
    // Route 53 creates only a set that is not there, and deletes only exactly the set that is there.
    if (action !== 'UPSERT') expect(action === 'CREATE' ? undefined : written).toEqual(set);
    return action === 'DELETE' ? undefined : written;
  }, before);
}

/** Names an action: by its path, its method where the path has several, or a parameter. */
function actionOf(method: string, path: string, action: string | undefined): string {
  if (action !== undefined) return action;
  // Azure Resource Manager takes its paths in any case.
  if (path.startsWith('/subscriptions/')) return `${method} ${path}`.toLowerCase();
  return path.startsWith('/dns/') && path.endsWith('.json') ? path : `${method} ${path}`;
}
const isQuestion = (action: string) =>
  /^(GET |get |Describe)|\/(records|get-zone-info|list-zones|get-pages-count)\.json$/.test(action);
function fieldsOf(value: unknown): Fields {
  if (typeof value !== 'string') return { ...(value as object | undefined) };
  if (value.startsWith('<')) return { xml: value };
  return /^[[{]/.test(value) ? JSON.parse(value) : Object.fromEntries(new URLSearchParams(value));
}

/**
 * Answers questions as they were answered before the next change in the recording.
 *
 * @param alter changes each recorded answer
 */
function recordedHost(type: string, alter: (answer: unknown) => unknown = (answer) => answer) {
  const { meaning, narrow, commonAction, unrecorded } = hosts[type]!;
  const recorded = recordedInteractions(type);
  const changes = recorded.filter(({ action }) => !isQuestion(action));
  const made: Change[] = [];
  const changeOf = (action: string, fields: Fields, earlier: readonly Change[]): Change => ({
    action: commonAction ?? action,
    meaning: meaning(action, fields, earlier.at(-1)?.meaning),
  });
  const knownAnswer = (action: string, query: URLSearchParams): Interaction | undefined => {
    const next = recorded.indexOf(changes[made.length]!);
    const earlier = recorded.slice(0, next === -1 ? undefined : next);
    const known = earlier.findLast((interaction) => interaction.action === action);
    return known && narrow ? { ...known, answer: narrow({ action, query }, earlier) } : known;
  };
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
      const known = knownAnswer(action, searchParams);
      if (known) return respond({ ...known, answer: alter(known.answer) });
    } else if (answer === undefined) {
      const change = changes[made.length];
      const fields = { ...Object.fromEntries(searchParams), ...fieldsOf(text) };
      made.push(changeOf(action, fields, made));
      if (change) return respond({ ...change, answer: alter(change.answer) });
    }
    if (answer instanceof Response) return answer;
    return answer === undefined
      ? new Response(`not recorded: ${action}`, { status: 400 })
      : Response.json(answer);
  };
  const wanted = changes.reduce<readonly Change[]>(
    (earlier, { action, fields }) => [...earlier, changeOf(action, fields, earlier)],
    [],
  );
  return { fetch, made, wanted };
}

interface Change {
  readonly action: string;
  readonly meaning: unknown;
}

function recordedInteractions(type: string) {
  const file = join(import.meta.dirname, `../../../dns-${type}/src/recorded.json`);
  const { interactions } = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly interactions: readonly Omit<Interaction, 'action'>[];
  };
  return interactions.map((interaction) => ({
    ...interaction,
    action: actionOf(interaction.method, interaction.path, interaction.query?.['Action']),
    fields: { ...interaction.query, ...fieldsOf(interaction.request) },
  }));
}

function respond({ status, answer }: Pick<Interaction, 'status' | 'answer'>): Response {
  const isXml = typeof answer === 'string' && answer.startsWith('<');
  const body = isXml ? answer : JSON.stringify(answer);
  return new Response(status === 204 || answer === undefined ? null : body, {
    status,
    headers: { 'content-type': isXml ? 'text/xml' : 'application/json' },
  });
}

/** Does what the recorded client did. */
async function replay(type: string, host: ReturnType<typeof recordedHost>): Promise<void> {
  const { zone, name = '_acme-challenge.deleterecordinset', open } = hosts[type]!;
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
}

type Alteration = (value: unknown) => unknown;

/** Returns the places in a JSON value, with `[]` for every item of a list; in XML its elements. */
function placesIn(value: unknown, place = ''): readonly string[] {
  if (typeof value === 'string' && value.startsWith('<'))
    return [...new Set([...value.matchAll(/<([A-Z]\w*)>/g)].map(([, name = '']) => name))];
  if (typeof value !== 'object' || value === null) return place === '' ? [] : [place];
  const below = Array.isArray(value)
    ? value.flatMap((member) => placesIn(member, `${place}/[]`))
    : Object.entries(value).flatMap(([name, member]) => placesIn(member, `${place}/${name}`));
  return [...new Set([...(place === '' ? [] : [place]), ...below])];
}

/** Changes the values at one place; in XML the text of an element. */
function changeAt(value: unknown, place: string, change: Alteration): unknown {
  if (typeof value === 'string' && value.startsWith('<'))
    return value.replaceAll(new RegExp(`<(${place})>(.*?)</\\1>`, 'gs'), (_, name, text) => {
      const changed = change(text);
      return changed === null ? `<${name}/>` : `<${name}>${String(changed)}</${name}>`;
    });
  if (place === '') return change(value);
  if (typeof value !== 'object' || value === null) return value;
  const [, name = '', rest = ''] = /^\/([^/]*)(.*)$/.exec(place) ?? [];
  if (Array.isArray(value))
    return name === '[]' ? value.map((member) => changeAt(member, rest, change)) : value;
  if (!Object.hasOwn(value, name)) return value;
  const member: unknown = (value as Fields)[name];
  return { ...value, [name]: changeAt(member, rest, change) };
}
const placesOf = (type: string) => [
  ...new Set(recordedInteractions(type).flatMap(({ answer }) => placesIn(answer))),
];

describe.each(Object.keys(hosts))('the recorded traffic of %s', (type) => {
  it('is answered as recorded, and its changes are requested as recorded', async () => {
    const host = recordedHost(type);
    await replay(type, host);
    expect(host.made).toEqual(host.wanted);
  });
  it('is understood with null in any place, or is refused with an error of DNS', async () => {
    for (const place of placesOf(type)) await expectAnswers(type, place, () => null);
  });
  it('is understood with a number in place of any list, or is refused with an error of DNS', async () => {
    const lists = placesOf(type).filter((place) => place.endsWith('/[]'));
    for (const place of lists) await expectAnswers(type, place.slice(0, -3), () => 7);
  });
  it.each<readonly [string, (text: string) => string]>([
    ['with a final dot', (text) => text.replace(/\.?$/, '.')],
    // Route 53 lists names in lower case only, and takes a set away as it lists it.
    ...(type === 'route53' ? [] : [['in capitals', (text: string) => text.toUpperCase()] as const]),
  ])('is understood with names %s', async (_, change) => {
    const { zone } = hosts[type]!;
    const places = placesOf(type);
    const isName = (text: unknown): text is string =>
      typeof text === 'string' && `.${text.replace(/\.$/, '')}`.endsWith(`.${zone}`);
    const host = recordedHost(type, (answer) =>
      places.reduce(
        (altered, place) =>
          changeAt(altered, place, (text) => (isName(text) ? change(text) : text)),
        answer,
      ),
    );
    await replay(type, host);
    expect(host.made).toHaveLength(host.wanted.length);
  });
});

/** Expects that answers which are altered at one place are understood, or refused by a DnsError. */
async function expectAnswers(type: string, place: string, change: Alteration): Promise<void> {
  const host = recordedHost(type, (answer) => changeAt(answer, place, change));
  const failure: unknown = await replay(type, host).catch((error: unknown) => error);
  const { name } = (failure ?? { name: 'DnsError' }) as { readonly name?: unknown };
  expect([place, name, String(failure)]).toEqual([place, 'DnsError', String(failure)]);
}
