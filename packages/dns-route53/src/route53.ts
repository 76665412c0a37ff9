import {
  ChangeResourceRecordSetsCommand,
  GetChangeCommand,
  ListResourceRecordSetsCommand,
  type ResourceRecord,
  type ResourceRecordSet,
} from '@aws-sdk/client-route-53';
import { type DurationInput, keyedMutex, milliseconds, systemClock } from '@acmex/clock';
import {
  DnsError,
  type DnsOptions,
  type DnsProvider,
  editRecordSet,
  recordName,
  type RecordSet,
  type RecordSetEdit,
  type TxtRecord,
  type ValueText,
  withoutValue,
  withValue,
} from '@acmex/dns';
import { hostedZones, idOf, nameOf } from './hosted-zones.ts';
import { route53Api, type Route53ApiOptions } from './route53-api.ts';
import { read, written } from './txt-value.ts';

export interface Route53Options extends Route53ApiOptions {
  /**
   * The one hosted zone that is written, `Z…`; for accounts that have several of one name, and
   * credentials that may list none.
   */
  readonly hostedZoneId?: string;
  /** Which hosted zones are written; `public` by default. */
  readonly visibility?: 'public' | 'private';
  /** For a change to reach all of Route 53's servers; 5 minutes by default. */
  readonly insyncLimit?: DurationInput;
}

interface Found extends RecordSet {
  /** As Route 53 has it: so it must be given back to be deleted. */
  readonly whole: ResourceRecordSet;
}
/** Seconds, of sets that are new. */
const ttl = 10;
const recordSet: ResourceRecordSet & { readonly Name: string } = { Name: '', Type: 'TXT' };

/**
 * TXT records in Amazon Route 53. `append` returns when all of its servers have the change. Record
 * sets are changed as a whole: the one that was read is deleted and the wanted one created in one
 * batch, which fails where someone came in between, and is tried again.
 * @throws DnsError by `append` also `ERR_DNS_NOT_VISIBLE`, when that takes longer than
 * `insyncLimit`
 * @see https://docs.aws.amazon.com/Route53/latest/APIReference/
 */
// eslint-disable-next-line max-lines-per-function -- every inner function uses the same connection and settings
export function route53({
  hostedZoneId,
  visibility = 'public',
  insyncLimit = 'PT5M',
  ...more
}: Route53Options = {}): DnsProvider {
  const { clock = systemClock } = more;
  const { call, send } = route53Api(more);
  const mutex = keyedMutex();

  const zones = hostedZones({ call, send, clock, hostedZoneId, visibility });
  const find = async (
    id: string,
    zone: string,
    name: string,
    options: DnsOptions,
  ): Promise<Found | undefined> => {
    const {
      ResourceRecordSets: [first],
    } = await call(
      'ListResourceRecordSets',
      (abortSignal) =>
        send(
          new ListResourceRecordSetsCommand({
            HostedZoneId: id,
            StartRecordName: name,
            StartRecordType: 'TXT',
            MaxItems: 1,
          }),
          { abortSignal },
        ),
      { ...options, zone, repeatable: true, answer: { ResourceRecordSets: [recordSet] } },
    );
    if (!first || first.Type !== 'TXT' || nameOf(first.Name) !== name.toLowerCase())
      return undefined;
    return {
      whole: first,
      ttl: first.TTL ?? ttl,
      values: isPlain(first) ? first.ResourceRecords.map(({ Value = '' }) => Value) : [],
    };
  };
  /** Returns the id of the change; undefined where someone else made one in between. */
  const replace = async (
    id: string,
    zone: string,
    name: string,
    there: Found | undefined,
    wanted: RecordSet,
    options: DnsOptions,
  ): Promise<string | undefined> => {
    if (there && !isPlain(there.whole))
      throw new DnsError(
        'ERR_DNS_API',
        `route53: the TXT records of ${name} have a routing policy or are an alias, and no other record can exist next to them: delegate ${name} by a CNAME record`,
      );
    const set = {
      Name: name,
      Type: 'TXT' as const,
      TTL: wanted.ttl,
      ResourceRecords: wanted.values.map((Value) => ({ Value })),
    };
    const changes = [
      ...(there ? [{ Action: 'DELETE' as const, ResourceRecordSet: there.whole }] : []),
      ...(wanted.values.length > 0 ? [{ Action: 'CREATE' as const, ResourceRecordSet: set }] : []),
    ];
    // What was sent twice is a conflict with itself: it is read again.
    const [change] = await call(
      'ChangeResourceRecordSets',
      (abortSignal) =>
        send(
          new ChangeResourceRecordSetsCommand({
            HostedZoneId: id,
            ChangeBatch: { Changes: changes },
          }),
          { abortSignal },
        ).then(({ ChangeInfo }) => [ChangeInfo], noneIfConflict),
      { ...options, zone, repeatable: true, answer: [{ Id: '' }] },
    );
    return change?.Id;
  };
  const insync = async (id: string, zone: string, options: DnsOptions): Promise<void> => {
    const end = clock.monotonic() + milliseconds(insyncLimit);
    for (;;) {
      const {
        ChangeInfo: { Status },
      } = await call(
        'GetChange',
        (abortSignal) => send(new GetChangeCommand({ Id: id }), { abortSignal }),
        { ...options, repeatable: true, answer: { ChangeInfo: { Status: '' } } },
      );
      if (Status === 'INSYNC') return;
      if (clock.monotonic() + 5000 > end)
        throw new DnsError(
          'ERR_DNS_NOT_VISIBLE',
          `route53: the change ${id} of the zone ${zone} has not reached all of Route 53's servers in ${Math.round(milliseconds(insyncLimit) / 1000)} seconds: wait longer, or see whether Route 53 has trouble`,
        );
      await clock.sleep({ seconds: 5 }, options);
    }
  };
  /**
   * Edits the sets one after the other, for Route 53 takes one change of a zone at a time. Returns
   * the ids of the changes.
   */
  const editIn = async (
    id: string,
    zone: string,
    records: readonly TxtRecord[],
    edit: (record: TxtRecord, text: ValueText) => RecordSetEdit,
    options: DnsOptions,
  ): Promise<readonly string[]> => {
    const changes: string[] = [];
    for (const record of records) {
      const name = recordName(zone, record);
      const set = {
        provider: 'route53',
        name,
        clock,
        ttl,
        find: () => find(id, zone, name, options),
        replace: (there: Found | undefined, wanted: RecordSet) =>
          replace(id, zone, name, there, wanted, options),
        ...options,
      };
      const change = await mutex(
        id,
        () => editRecordSet(set, edit(record, { write: written, read })),
        options,
      );
      if (change !== undefined) changes.push(change);
    }
    return changes;
  };

  const each = (
    zone: string,
    records: readonly TxtRecord[],
    edit: (record: TxtRecord, text: ValueText) => RecordSetEdit,
    options: DnsOptions,
  ): Promise<readonly string[]> =>
    hostedZoneId === undefined
      ? zones.use(zone, options, (entries) =>
          editIn(idOf(zone, entries, visibility), zone, records, edit, options),
        )
      : editIn(hostedZoneId, zone, records, edit, options);

  return {
    name: 'route53',
    async append(zone, records, options = {}) {
      for (const id of await each(zone, records, withValue, options))
        await insync(id, zone, options);
    },
    async remove(zone, records, options = {}) {
      await each(zone, records, withoutValue, options);
    },
    zones: (options = {}) => zones.names(options),
    zoneOf: (name, options = {}) => zones.zoneOf(name, options),
  };
}

/**
 * That it is a set of values, with neither routing policy nor alias, nor made by a traffic policy.
 */
function isPlain(
  set: ResourceRecordSet,
): set is ResourceRecordSet & { readonly ResourceRecords: readonly ResourceRecord[] } {
  return (
    set.SetIdentifier === undefined &&
    set.AliasTarget === undefined &&
    set.TrafficPolicyInstanceId === undefined &&
    set.ResourceRecords !== undefined
  );
}

/** Nothing, where someone else changed the set after it was read. @throws what is anything else */
function noneIfConflict(error: unknown): readonly [] {
  if (
    error instanceof Error &&
    error.name === 'InvalidChangeBatch' &&
    /but it was not found|but it already exists|do not match the current values/.test(error.message)
  )
    return [];
  throw error;
}
