import type { StorageChoice } from '../open-storage.ts';
import type { LogLevel } from '../terminal.ts';

/** What every command of `acmex ca` takes. */
export interface CaOptions extends StorageChoice {
  readonly json?: boolean;
  readonly logLevel: LogLevel;
}
