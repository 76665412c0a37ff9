export { ChallengeError, type ChallengeErrorCode, challengeErrors } from '../errors.ts';
export { type Http01Handler, http01Handler } from './handler.ts';
export { http01, type Http01Options } from './listener.ts';
export { bodyAt } from './loopback.ts';
export { type Http01Response } from './response.ts';
export type { SharedResponses } from '../shared-responses.ts';
export {
  http01Answers,
  type Http01AnswersOptions,
  http01Shared,
  http01SharedHandler,
} from './shared.ts';
export { http01Webroot, type Http01WebrootOptions, type Http01WebrootResponse } from './webroot.ts';
