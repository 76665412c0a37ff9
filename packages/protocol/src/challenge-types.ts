/** The challenge types of RFC 8555 §8.3 and §8.4, and of RFC 8737. */
export const challengeTypes = ['http-01', 'dns-01', 'tls-alpn-01'] as const;
export type ChallengeType = (typeof challengeTypes)[number];
