import type { Configured } from '../configuration.ts';
import type { LogLevel } from '../terminal.ts';

/** What every command of `acmex storage` takes. */
export interface StorageOptions extends Configured {
  readonly json?: boolean;
  readonly logLevel: LogLevel;
}

/** What one thing became: a line for a person, a document for a program. */
export interface Summary {
  readonly text: string;
  readonly document: object;
}
