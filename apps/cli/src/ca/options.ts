import type { Configured } from '../configuration.ts';
import type { LogLevel } from '../terminal.ts';

/** What every command of `acmex ca` takes. */
export interface CaOptions extends Configured {
  readonly json?: boolean;
  readonly logLevel: LogLevel;
}
