import type { ChallengeType } from '@acmex/protocol';
import type { DraftChallengeType } from '@acmex/protocol/drafts';
import type { ConfiguredOutputOptions } from '../output.ts';

/** The flags of `acmex import`. */
export interface ImportOptions extends ConfiguredOutputOptions {
  readonly dryRun?: boolean;
  readonly replace?: boolean;
  /** Lets the links of certbot lead to files of AcmeX. */
  readonly takeOver?: boolean;
  /** Gives the links of certbot back. */
  readonly undo?: boolean;
  readonly server?: string;
  readonly caCertificate?: string;
  readonly challenge?: ChallengeType | DraftChallengeType;
  readonly webroot?: string;
  readonly httpPort?: number;
  readonly dnsProvider?: string;
  /** The keys of the storage of AcmeX that is read. */
  readonly sourceKeyFile?: string;
}
