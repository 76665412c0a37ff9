import { type KeyPath, valueAt } from '../settings.ts';
import { challengeDrafts } from '../tables/challenge.ts';
import { certificates, type Check, fault } from './check.ts';

/**
 * Checks that a challenge which is not an RFC yet has a version: the version that the CA follows
 * cannot be guessed.
 */
export const drafts: Check = (settings) => {
  const at = (key: string) => valueAt(settings.table, ['challenge', key]);
  const wrong = (path: KeyPath, type: unknown, draft: unknown) => {
    const known: readonly unknown[] | undefined = Object.entries(challengeDrafts).find(
      ([name]) => name === type,
    )?.[1];
    if (!known || known.includes(draft)) return undefined;
    return fault(
      settings,
      path,
      draft === undefined ? 'is missing' : `is not a version of ${String(type)}`,
      `write the version that the CA follows: ${known.map((version) => `"${String(version)}"`).join(', ')}`,
    );
  };
  const [general, draft] = [at('challenge_type'), at('challenge_draft')];
  return [
    wrong(['challenge', 'challenge_draft'], general, draft),
    ...certificates(settings).map(({ challenge, challenge_draft: ownDraft }, index) =>
      challenge === undefined && ownDraft === undefined
        ? undefined
        : wrong(
            ['certificates', index, 'challenge_draft'],
            challenge ?? general,
            ownDraft ?? draft,
          ),
    ),
  ];
};
