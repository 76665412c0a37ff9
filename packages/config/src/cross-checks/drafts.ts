import { type KeyPath, valueAt } from '../settings.ts';
import { challengeDrafts } from '../tables/challenge.ts';
import { certificates, type Check, fault } from './check.ts';

/** A challenge that is no RFC yet has its version beside it: which one a CA follows cannot be guessed. */
export const drafts: Check = (settings) => {
  const at = (key: string) => valueAt(settings.table, ['challenge', key]);
  const wrong = (path: KeyPath, type: unknown, draft: unknown) => {
    const known: readonly unknown[] | undefined = Object.entries(challengeDrafts).find(
      ([one]) => one === type,
    )?.[1];
    if (!known || known.includes(draft)) return undefined;
    return fault(
      settings,
      path,
      draft === undefined ? 'is missing' : `is no version of ${String(type)}`,
      `write the one that the CA follows: ${known.map((one) => `"${String(one)}"`).join(', ')}`,
    );
  };
  const [general, draft] = [at('challenge_type'), at('challenge_draft')];
  return [
    wrong(['challenge', 'challenge_draft'], general, draft),
    ...certificates(settings).map(({ challenge, challenge_draft: own }, index) =>
      challenge === undefined && own === undefined
        ? undefined
        : wrong(['certificates', index, 'challenge_draft'], challenge ?? general, own ?? draft),
    ),
  ];
};
