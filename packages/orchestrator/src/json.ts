/** Data that survives a storage and a restart. */
export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | JsonObject | undefined;

export interface JsonObject {
  readonly [name: string]: JsonValue;
}
