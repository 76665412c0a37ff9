/** A resource record set; without values where it is an alias. */
export interface RecordSet {
  /** With a final dot, and escapes as Route 53 has them. */
  readonly name: string;
  readonly type: string;
  readonly setIdentifier?: string;
  readonly ttl?: number;
  readonly values?: readonly string[];
}

interface Change {
  readonly action: string;
  readonly set: RecordSet;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};
export const escaped = (text: string) => text.replace(/[&<>"']/g, (char) => entities[char] ?? char);
const plain = (text: string) =>
  text.replace(
    /&\w+;/g,
    (entity) => Object.keys(entities).find((char) => entities[char] === entity) ?? entity,
  );
/** Route 53 keeps names in lower case, and shows all but a-z, 0-9, - and _ in octal. */
export const stored = (name: string) =>
  `${name
    .toLowerCase()
    .replace(/\.$/, '')
    .replace(
      /[^a-z0-9._\\-]/g,
      (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`,
    )}.`;
/** The order of lists: by the labels from the last to the first, then by type. */
export const place = ({ name, type }: Pick<RecordSet, 'name' | 'type'>) =>
  `${name.split('.').reverse().join('\u0001')}\u0000${type}`;

export function recordSetXml({ name, type, setIdentifier, ttl, values }: RecordSet): string {
  const rest = values
    ? `<TTL>${ttl}</TTL><ResourceRecords>${values.map((value) => `<ResourceRecord><Value>${escaped(value)}</Value></ResourceRecord>`).join('')}</ResourceRecords>`
    : '<AliasTarget><HostedZoneId>Z9</HostedZoneId><DNSName>elsewhere.test.</DNSName><EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget>';
  return `<ResourceRecordSet><Name>${name}</Name><Type>${type}</Type>${setIdentifier === undefined ? '' : `<SetIdentifier>${setIdentifier}</SetIdentifier><Weight>1</Weight>`}${rest}</ResourceRecordSet>`;
}

const document =
  /^<\?xml version="1\.0" encoding="UTF-8"\?><ChangeResourceRecordSetsRequest xmlns="https:\/\/route53\.amazonaws\.com\/doc\/2013-04-01\/"><ChangeBatch>(?:<Comment>[^<]*<\/Comment>)?<Changes>((?:<Change>.+?<\/Change>)+)<\/Changes><\/ChangeBatch><\/ChangeResourceRecordSetsRequest>$/s;
const element =
  /^<Change><Action>(CREATE|DELETE|UPSERT)<\/Action><ResourceRecordSet><Name>([^<]+)<\/Name><Type>([A-Z]+)<\/Type><TTL>(\d+)<\/TTL><ResourceRecords>((?:<ResourceRecord><Value>[^<]*<\/Value><\/ResourceRecord>)+)<\/ResourceRecords><\/ResourceRecordSet><\/Change>$/s;

/** The changes of a request's body; undefined where it is not of the schema. */
export function changesOf(body: string): readonly Change[] | undefined {
  const changes = document
    .exec(body)?.[1]
    ?.match(/<Change>.+?<\/Change>/gs)
    ?.map((text) => element.exec(text));
  return changes?.every((change) => change)
    ? changes.map((change) => {
        const [, action = '', name = '', type = '', ttl = '', records = ''] = change ?? [];
        return {
          action,
          set: {
            name: stored(plain(name)),
            type,
            ttl: Number(ttl),
            values: [...records.matchAll(/<Value>([^<]*)<\/Value>/g)].map(([, value = '']) =>
              plain(value),
            ),
          },
        };
      })
    : undefined;
}

/**
 * The record sets of a zone after a change batch, all of it or nothing; or what Route 53 has
 * against it.
 */
export function changed(
  zone: string,
  before: readonly RecordSet[],
  changes: readonly Change[],
): { readonly sets: readonly RecordSet[] } | { readonly messages: readonly string[] } {
  let sets = before;
  const messages: string[] = [];
  for (const { action, set } of changes) {
    const there = sets.find(({ name, type }) => name === set.name && type === set.type);
    const who = `resource record set [name='${set.name}', type='${set.type}']`;
    const wrong = set.values?.map(fault).find((fault) => fault !== undefined);
    if (set.name !== `${zone}.` && !set.name.endsWith(`.${zone}.`))
      messages.push(`RRSet with DNS name ${set.name} is not permitted in zone ${zone}.`);
    else if (wrong !== undefined) messages.push(`Invalid Resource Record: '${wrong}'`);
    else if (new Set(set.values).size !== set.values?.length)
      messages.push('Duplicate Resource Record');
    else if (action === 'CREATE' && there)
      messages.push(`Tried to create ${who} but it already exists`);
    else if (action === 'DELETE' && !there)
      messages.push(`Tried to delete ${who} but it was not found`);
    else if (action === 'DELETE' && there && !equal(there, set))
      messages.push(
        `Tried to delete ${who} but the values provided do not match the current values`,
      );
    else sets = [...sets.filter((set) => set !== there), ...(action === 'DELETE' ? [] : [set])];
  }
  return messages.length > 0 ? { messages } : { sets };
}

function equal(recordSet: RecordSet, expected: RecordSet): boolean {
  return (
    recordSet.setIdentifier === expected.setIdentifier &&
    recordSet.ttl === expected.ttl &&
    JSON.stringify([...(recordSet.values ?? [])].sort()) ===
      JSON.stringify([...(expected.values ?? [])].sort())
  );
}

/**
 * What is wrong with a TXT value: strings in quotes, of 255 bytes at most, ASCII with octal escapes
 * for the rest.
 */
function fault(value: string): string | undefined {
  if (!/^"(?:[^"\\]|\\.)*"(?: +"(?:[^"\\]|\\.)*")*$/s.test(value))
    return `FATAL problem: InvalidCharacterString (Value should be enclosed in quotation marks) encountered with '${value}'`;
  if (!/^[\x20-\x7e]+$/.test(value))
    return `FATAL problem: InvalidCharacterString (Value contains characters that are not printable) encountered with '${value}'`;
  return characterStrings(value).some(({ length }) => length > 255)
    ? `FATAL problem: CharacterStringTooLong (Value is too long) encountered with '${value}'`
    : undefined;
}

/** What a TXT value is in DNS. */
export function text(value: string): string {
  return Buffer.concat(characterStrings(value)).toString();
}

function characterStrings(value: string): readonly Buffer[] {
  return [...value.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, inside = '']) =>
    Buffer.from(
      [...inside.matchAll(/\\([0-7]{3})|\\?(.)/g)].map(([, octal, char = '']) =>
        octal === undefined ? char.charCodeAt(0) : parseInt(octal, 8),
      ),
    ),
  );
}
