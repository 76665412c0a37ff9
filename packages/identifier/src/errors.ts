import { defineErrors, type ErrorTable, printable } from '@acmex/errors';

/** The ways in which a name is refused. */
export const identifierErrors = {
  ERR_ACME_IDENTIFIER: {
    meaning: 'No certificate can be issued for this name.',
    cure: 'Write names as example.com, *.example.com or 192.0.2.1.',
    exit: 2,
    http: 422,
  },
} as const satisfies ErrorTable<'ACME'>;

export type IdentifierErrorCode = keyof typeof identifierErrors;

/** What is wrong with a name, and how to correct it. */
export interface NameFault {
  /** Follows the name in a sentence, such as `has an empty label`. */
  readonly problem: string;
  readonly remedy: string;
}

/** Thrown for a name that no certificate can have. The message reads `"NAME" PROBLEM: REMEDY`. */
export class IdentifierError extends defineErrors('Identifier', identifierErrors) {
  /** The name as it was written, in quotes and safe to print. */
  readonly subject: string;
  readonly problem: string;
  readonly remedy: string;

  /** @param text the refused name, as it was written */
  constructor(text: string, { problem, remedy }: NameFault) {
    const subject = `"${printable(text, 300)}"`;
    super('ERR_ACME_IDENTIFIER', `${subject} ${problem}: ${remedy}`);
    this.subject = subject;
    this.problem = problem;
    this.remedy = remedy;
  }
}
