/** How a stored record is damaged. Numbers are taken modulo what there is. */
export interface Damage {
  /** Which member, at any depth. */
  readonly member: number;
  /** What the member becomes. */
  readonly value: unknown;
  /** 0 cuts the text, 1 replaces it, 2 makes its version newer, 3 and 4 remove the member. */
  readonly how: number;
}

/** Returns the JSON text of a record as another program may have damaged it. */
export function damagedRecord(text: string, { member, value, how }: Damage): string {
  if (how === 0) return text.slice(0, member % (text.length + 1));
  if (how === 1) return JSON.stringify(value);
  if (text === '') return '{';
  const record = JSON.parse(text) as Record<string, unknown>;
  if (how === 2) return JSON.stringify({ ...record, v: 99 });
  const places = placesIn(record);
  const place = places[member % places.length];
  if (!place) return JSON.stringify(value);
  if (how < 5) delete place.parent[place.name];
  else place.parent[place.name] = value;
  return JSON.stringify(record);
}

interface Place {
  readonly parent: Record<string, unknown>;
  readonly name: string;
}

function placesIn(value: object): readonly Place[] {
  const parent = value as Record<string, unknown>;
  return Object.entries(parent).flatMap(([name, inner]) => [
    { parent, name },
    ...(typeof inner === 'object' && inner !== null ? placesIn(inner) : []),
  ]);
}
