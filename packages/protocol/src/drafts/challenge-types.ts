/** The challenge types of Internet-Drafts that have functions here. */
export const draftChallengeTypes = ['dns-account-01', 'dns-persist-01'] as const;
export type DraftChallengeType = (typeof draftChallengeTypes)[number];
