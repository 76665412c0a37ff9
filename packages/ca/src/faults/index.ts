export { type Exchange, type Fault, type Resource, sometimes, type When, withFaults } from './fault.ts';
export { badNonces, cutAnswers, hostileProblems, hostileText, hugeChains, longProcessing, lostAnswers, missingMembers, movedWindow, paused, rateLimited, refusedConnections, tokenlessChallenges, unavailable, wrongContentTypes } from './faults.ts';
