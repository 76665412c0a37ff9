import { Secret } from './secret.ts';

/** The same, and nobody can change it. */
export type Frozen<T> = T extends Secret | string | number | boolean | undefined
  ? T
  : { readonly [Key in keyof T]: Frozen<T[Key]> };

/** Freezes a value and all that is in it. */
export function frozen<T>(value: T): Frozen<T>;
export function frozen(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Secret) return value;
  for (const one of Object.values(value)) frozen(one);
  return Object.freeze(value);
}
