import type { Place } from '../place.ts';

/** What is wrong with a file, or with a key of it. No value is quoted. */
export interface FileFault {
  /** As `certificates[0].names`; empty for the file, or for one of its lines. */
  readonly key: string;
  /** Absent for the file. */
  readonly place?: Place | undefined;
  readonly problem: string;
  readonly cure: string;
  readonly code?: string | undefined;
}

/** The certificates of a file, as they are written there. */
export interface FileContent {
  /** As the values of `certificates` in a TOML file. */
  readonly entries: readonly unknown[];
  /** By `pathText`, such as `certificates[0].names`. */
  readonly places: ReadonlyMap<string, Place>;
  readonly faults: readonly FileFault[];
}

export const noContent: FileContent = { entries: [], places: new Map(), faults: [] };
