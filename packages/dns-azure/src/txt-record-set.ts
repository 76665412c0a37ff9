import { acceptedTtl, type RecordSet, type ValueText } from '@acmex/dns';

/**
 * The TXT records of a name as Azure has them. Public zones write the members of their properties
 * in another way than private ones.
 */
export interface TxtRecordSet {
  readonly etag: string;
  readonly properties: TxtProperties & {
    readonly metadata?: Readonly<Record<string, string>> | null;
  };
}

type TxtProperties =
  | { readonly TTL: number; readonly TXTRecords: readonly TxtRecords[] }
  | { readonly ttl: number; readonly txtRecords: readonly TxtRecords[] };

interface TxtRecords {
  /** One value, in parts of at most 255 bytes. */
  readonly value: readonly string[];
}

export interface Found extends RecordSet {
  readonly etag: string;
  /** Of others: this package writes none. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A value as text: the JSON of its parts, so that those of others stay as they are cut. */
export const text: ValueText = {
  write: (value) => JSON.stringify(value.match(/[^]{1,255}/g) ?? ['']),
  read: (characterStrings) => partsOf(characterStrings).join(''),
};

export const kinds = {
  public: {
    type: 'dnsZones',
    version: '2018-05-01',
    example: { etag: '', properties: { TTL: 0, TXTRecords: [{ value: [''] }] } } as TxtRecordSet,
    properties: (ttl: number, records: readonly TxtRecords[]): TxtProperties => ({
      TTL: ttl,
      TXTRecords: records,
    }),
  },
  private: {
    type: 'privateDnsZones',
    version: '2020-06-01',
    example: { etag: '', properties: { ttl: 0, txtRecords: [{ value: [''] }] } } as TxtRecordSet,
    properties: (ttl: number, records: readonly TxtRecords[]): TxtProperties => ({
      ttl,
      txtRecords: records,
    }),
  },
};

export function foundIn({ etag, properties }: TxtRecordSet): Found {
  const [ttl, records] =
    'TTL' in properties
      ? [properties.TTL, properties.TXTRecords]
      : [properties.ttl, properties.txtRecords];
  return {
    etag,
    ttl,
    values: records.map(({ value }) => JSON.stringify(value)),
    metadata: properties.metadata ?? {},
  };
}

/** The body that puts a set, with the metadata of the one that was there. */
export function bodyOf(
  { ttl, values }: RecordSet,
  metadata: Readonly<Record<string, string>>,
  visibility: keyof typeof kinds,
): object {
  return {
    properties: {
      ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
      ...kinds[visibility].properties(
        acceptedTtl(ttl, { minimum: 1 }),
        values.map((characterStrings) => ({ value: partsOf(characterStrings) })),
      ),
    },
  };
}

function partsOf(json: string): readonly string[] {
  return JSON.parse(json) as readonly string[];
}
