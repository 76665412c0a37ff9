import { ChangeResourceRecordSetsCommand, GetChangeCommand, GetHostedZoneCommand, ListHostedZonesByNameCommand, ListResourceRecordSetsCommand, type ResourceRecord, type ResourceRecordSet } from '@aws-sdk/client-route-53';
import { type DurationInput, milliseconds, systemClock } from '@acmex/clock';
import { allPages, DnsError, type DnsOptions, type DnsProvider, recordName, turns, type TxtRecord } from '@acmex/dns';
import { route53Api, type Route53ApiOptions } from './route53-api.ts';
import { read, written } from './txt-value.ts';

export interface Route53Options extends Route53ApiOptions {
  /** The one hosted zone that is written, `Z…`; for accounts that have several of one name, and credentials that may list none. */
  readonly hostedZoneId?: string;
  /** Which hosted zones are written; `public` by default. */
  readonly visibility?: 'public' | 'private';
  /** For a change to reach all of Route 53's servers; 5 minutes by default. */
  readonly insyncLimit?: DurationInput;
}

/** What is wanted of a record set; undefined where it is right already. */
type Edit = (values: readonly ResourceRecord[], ttl: number) => { readonly ttl: number; readonly values: readonly ResourceRecord[] } | undefined;
interface HostedZones {
  readonly HostedZones: readonly { readonly Id: string; readonly Name: string; readonly Config: { readonly PrivateZone: boolean } }[];
  readonly NextDNSName?: string;
  readonly NextHostedZoneId?: string;
}

const hostedZones: HostedZones = { HostedZones: [{ Id: '', Name: '', Config: { PrivateZone: false } }] };
const recordSet: ResourceRecordSet & { readonly Name: string } = { Name: '', Type: 'TXT' };

/**
 * TXT records in Amazon Route 53. `append` returns when all of its servers have the change.
 * Record sets are changed as a whole: the one that was read is deleted and the wanted one created in one batch, which fails where someone came in between, and is tried again.
 * @throws DnsError by `append` also `ERR_DNS_NOT_VISIBLE`, when that takes longer than `insyncLimit`
 * @see https://docs.aws.amazon.com/Route53/latest/APIReference/
 */
export function route53({ hostedZoneId, visibility = 'public', insyncLimit = 'PT5M', ...more }: Route53Options = {}): DnsProvider {
  const { clock = systemClock } = more;
  const { call, send } = route53Api(more);
  const turn = turns();

  /** The hosted zones in the order of their names, from a name on. */
  const list = (input: { readonly DNSName?: string; readonly HostedZoneId?: string }, options: DnsOptions & { readonly zone?: string }) =>
    call('ListHostedZonesByName', (abortSignal) => send(new ListHostedZonesByNameCommand({ ...input, MaxItems: 100 }), { abortSignal }), { ...options, repeatable: true, answer: hostedZones });
  const ours = ({ HostedZones: zones }: HostedZones) => zones.filter(({ Config }) => Config.PrivateZone === (visibility === 'private'));
  const idOf = async (zone: string, options: DnsOptions): Promise<string> => {
    if (hostedZoneId !== undefined) return hostedZoneId;
    const [found, ...others] = ours(await list({ DNSName: zone }, { ...options, zone })).filter(({ Name }) => nameOf(Name) === zone.toLowerCase());
    if (found && others.length === 0) return found.Id;
    throw new DnsError('ERR_DNS_ZONE_NOT_FOUND', found
      ? `route53: ${others.length + 1} ${visibility} hosted zones are called ${zone} (${[found, ...others].map(({ Id }) => Id.replace('/hostedzone/', '')).join(', ')}): give hostedZoneId`
      : `route53: no ${visibility} hosted zone ${zone} with these credentials: check the name, the account, and whether the zone is public or private`);
  };
  const find = async (id: string, zone: string, name: string, options: DnsOptions): Promise<ResourceRecordSet | undefined> => {
    const { ResourceRecordSets: [first] } = await call('ListResourceRecordSets', (abortSignal) => send(new ListResourceRecordSetsCommand({ HostedZoneId: id, StartRecordName: name, StartRecordType: 'TXT', MaxItems: 1 }), { abortSignal }), { ...options, zone, repeatable: true, answer: { ResourceRecordSets: [recordSet] } });
    return first && first.Type === 'TXT' && nameOf(first.Name) === name.toLowerCase() ? first : undefined;
  };
  /** Edits the set of a name, again and again while others change it. Returns the change, or undefined where there is none. */
  const change = async (id: string, zone: string, name: string, edit: Edit, options: DnsOptions): Promise<string | undefined> => {
    for (let count = 1; count <= 10; count++) {
      const there = await find(id, zone, name, options);
      const plain = !there || isPlain(there);
      const wanted = edit((plain && there?.ResourceRecords) || [], there?.TTL ?? 10);
      if (!wanted) return undefined;
      if (!plain) throw new DnsError('ERR_DNS_API', `route53: the TXT records of ${name} have a routing policy or are an alias, and no other may stand beside them: delegate ${name} by a CNAME record`);
      const changes = [...(there ? [{ Action: 'DELETE' as const, ResourceRecordSet: there }] : []), ...(wanted.values.length > 0 ? [{ Action: 'CREATE' as const, ResourceRecordSet: { Name: name, Type: 'TXT' as const, TTL: wanted.ttl, ResourceRecords: [...wanted.values] } }] : [])];
      // What was sent twice is a conflict with itself: it is read again.
      const [done] = await call('ChangeResourceRecordSets', (abortSignal) => send(new ChangeResourceRecordSetsCommand({ HostedZoneId: id, ChangeBatch: { Changes: changes } }), { abortSignal })
        .then(({ ChangeInfo }) => [ChangeInfo], noneIfConflict), { ...options, zone, repeatable: true, answer: [{ Id: '' }] });
      if (done) return done.Id;
      await clock.sleep({ milliseconds: 100 * count }, options);
    }
    throw new DnsError('ERR_DNS_API', `route53: others changed the TXT records of ${name} ten times in between: try again later`);
  };
  const insync = async (id: string, zone: string, options: DnsOptions): Promise<void> => {
    const end = clock.monotonic() + milliseconds(insyncLimit);
    for (;;) {
      const { ChangeInfo: { Status } } = await call('GetChange', (abortSignal) => send(new GetChangeCommand({ Id: id }), { abortSignal }), { ...options, repeatable: true, answer: { ChangeInfo: { Status: '' } } });
      if (Status === 'INSYNC') return;
      if (clock.monotonic() + 5000 > end) throw new DnsError('ERR_DNS_NOT_VISIBLE', `route53: the change ${id} of the zone ${zone} has not reached all of Route 53's servers in ${Math.round(milliseconds(insyncLimit) / 1000)} seconds: wait longer, or see whether Route 53 has trouble`);
      await clock.sleep({ seconds: 5 }, options);
    }
  };
  /** Edits the set of each record's name, one after the other: Route 53 takes one change of a zone at a time. */
  const each = async (zone: string, records: readonly TxtRecord[], editFor: (record: TxtRecord) => Edit, options: DnsOptions): Promise<readonly string[]> => {
    const id = await idOf(zone, options);
    const changes: string[] = [];
    for (const record of records) {
      const done = await turn(id, () => change(id, zone, recordName(zone, record), editFor(record), options), options);
      if (done !== undefined) changes.push(done);
    }
    return changes;
  };

  return {
    name: 'route53',
    async append(zone, records, options = {}) {
      const changes = await each(zone, records, ({ value, ttl }) => (values, before) => (values.some(is(value)) ? undefined : { ttl: ttl ?? before, values: [...values, { Value: written(value) }] }), options);
      for (const id of changes) await insync(id, zone, options);
    },
    async remove(zone, records, options = {}) {
      await each(zone, records, ({ value }) => (values, ttl) => (values.some(is(value)) ? { ttl, values: values.filter((one) => !is(value)(one)) } : undefined), options);
    },
    async zones(options = {}) {
      if (hostedZoneId !== undefined) {
        const { HostedZone: { Name } } = await call('GetHostedZone', (abortSignal) => send(new GetHostedZoneCommand({ Id: hostedZoneId }), { abortSignal }), { ...options, zone: hostedZoneId, repeatable: true, answer: { HostedZone: { Name: '' } } });
        return [nameOf(Name)];
      }
      const all = await allPages('', async (place) => {
        const [DNSName, HostedZoneId] = place.split(' ');
        const page = await list(DNSName && HostedZoneId ? { DNSName, HostedZoneId } : {}, options);
        return { items: ours(page), next: page.NextDNSName === undefined ? undefined : `${page.NextDNSName} ${page.NextHostedZoneId}` };
      }, { provider: 'route53' });
      return [...new Set(all.map(({ Name }) => nameOf(Name)))];
    },
  };
}

const is = (value: string) => ({ Value }: ResourceRecord) => Value !== undefined && read(Value) === value;

/** That it is a set of values, with neither routing policy nor alias, nor made by a traffic policy. */
function isPlain({ SetIdentifier, AliasTarget, TrafficPolicyInstanceId, ResourceRecords }: ResourceRecordSet): boolean {
  return SetIdentifier === undefined && AliasTarget === undefined && TrafficPolicyInstanceId === undefined && ResourceRecords !== undefined;
}

/** A name as others write it: Route 53 ends it with a dot, and has octal escapes for all but letters, digits, - and _. */
function nameOf(name: string): string {
  return name.replace(/\.$/, '').replace(/\\([0-3][0-7]{2})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}

/** Nothing, where someone else changed the set after it was read. @throws what is anything else */
function noneIfConflict(error: unknown): readonly [] {
  if (error instanceof Error && error.name === 'InvalidChangeBatch' && /but it was not found|but it already exists|do not match the current values/.test(error.message)) return [];
  throw error;
}
