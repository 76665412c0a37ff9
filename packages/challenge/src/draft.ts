import { ChallengeError } from './errors.ts';

/**
 * @throws ChallengeError `ERR_CHALLENGE_DRAFT` unless the version is named and known: the version
 * that a CA follows cannot be guessed
 */
export function assertDraft(
  type: string,
  draft: string | undefined,
  known: readonly string[],
): void {
  if (draft !== undefined && known.includes(draft)) return;
  const problem =
    draft === undefined
      ? 'name the version of its draft that the CA follows'
      : `"${draft.slice(0, 100)}" is not a known version of its draft`;
  throw new ChallengeError(
    'ERR_CHALLENGE_DRAFT',
    `${type} is not an RFC yet: ${problem}, ${known.join(' or ')}`,
  );
}
