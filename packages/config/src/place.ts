/** Where a key or a value begins in a file; both count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}
