/** Data that can be stored. */
export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | JsonObject | undefined;

export interface JsonObject {
  readonly [name: string]: JsonValue;
}
