export { type ChallengeSolver, type ChallengeToSolve, type SolverOptions } from './solver.ts';
