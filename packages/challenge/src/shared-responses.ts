import { ChallengeError } from './errors.ts';

/** Where machines find each other's responses: any of them can answer for any other. */
export interface SharedResponses {
  /** @param name what the CA asks for: a token, or a server name */
  put(name: string, response: string): Promise<void>;
  /** Undefined for what no one shows. */
  find(name: string): Promise<string | undefined>;
  /** Absent: fine. */
  remove(name: string): Promise<void>;
}

/** @throws ChallengeError `ERR_CHALLENGE_NOT_VISIBLE` where the name has another response, or none */
export async function assertShared(
  shared: SharedResponses,
  name: string,
  response: string,
): Promise<void> {
  if ((await shared.find(name)) === response) return;
  throw new ChallengeError(
    'ERR_CHALLENGE_NOT_VISIBLE',
    'the shared responses do not have the one that was put there: find out what removes it',
  );
}
