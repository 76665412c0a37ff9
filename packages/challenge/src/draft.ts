import { ChallengeError } from './errors.ts';

/**
 * @throws ChallengeError `ERR_CHALLENGE_DRAFT` unless the version is named, and known here: which
 * one a CA follows cannot be guessed
 */
export function assertDraft(
  type: string,
  draft: string | undefined,
  known: readonly string[],
): void {
  if (draft !== undefined && known.includes(draft)) return;
  const given =
    draft === undefined
      ? 'name the version of its draft that the CA follows'
      : `"${draft.slice(0, 100)}" is no version of its draft that is known here`;
  throw new ChallengeError(
    'ERR_CHALLENGE_DRAFT',
    `${type} is no RFC yet: ${given}, ${known.join(' or ')}`,
  );
}
