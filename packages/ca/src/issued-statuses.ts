export const issuedStatuses = ['valid', 'revoked', 'expired'] as const;
export type IssuedStatus = (typeof issuedStatuses)[number];
