import type { Identifier } from '@acmex/identifier';
import { Members } from './members.ts';

/**
 * Reads an identifier that a CA sent.
 * @param what the object in the reader's words, such as `the order https://…/1`
 * @throws AcmeError `ERR_ACME_ANSWER`
 */
export function readIdentifier(what: string, json: unknown): Identifier {
  const members = new Members(what, json);
  return { type: members.string('type'), value: members.string('value') };
}
