import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { ChallengeSolver } from '@acmex/client';
import { fileErrorText } from '@acmex/files';
import { ChallengeError } from '../errors.ts';
import { rehearse } from '../rehearsal.ts';
import { checkedToken, type Http01Response, respondHttp01, supportsHttp01 } from './response.ts';
import {
  challengeFolders,
  missingFolders,
  readResponse,
  removeFolder,
  removeResponse,
  writeResponse,
} from './webroot-folder.ts';

export interface Http01WebrootOptions {
  /** The directory that a web server serves as `http://NAME/`. */
  readonly directory: string;
}

/**
 * The response of a listener, and the folders that did not exist before; these are removed when
 * they are empty again.
 */
export type Http01WebrootResponse = Http01Response & { readonly made: readonly string[] };

/**
 * Answers http-01 with files in a web server's directory. `visible` reads them back and does not
 * ask the web server.
 *
 * Files are readable by everybody (0644, folders 0755) whatever the umask is, because a web server
 * runs as another user. Below the webroot no link is followed; on the path to it, only links that
 * no one but root and the current user can have made.
 *
 * @throws ChallengeError `ERR_CHALLENGE_WEBROOT`, `ERR_CHALLENGE_TOKEN`
 */
export function http01Webroot({
  directory,
}: Http01WebrootOptions): ChallengeSolver<Http01WebrootResponse> {
  const folders = [
    join(directory, challengeFolders[0]),
    join(directory, challengeFolders[0], challengeFolders[1]),
  ];
  const attempt = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw new ChallengeError(
        'ERR_CHALLENGE_WEBROOT',
        `the webroot ${directory} cannot be ${what} (${fileErrorText(error)}): check that it exists, its permissions, and that no link is below it`,
        { cause: error },
      );
    }
  };
  const made = async () => {
    const missing = await attempt('used', () => missingFolders(directory));
    return folders.filter((_, step) => missing.includes(step));
  };
  const solver: ChallengeSolver<Http01WebrootResponse> = {
    type: 'http-01',
    supports: supportsHttp01,
    async check(_, options) {
      const response = { token: randomUUID(), keyAuthorization: randomUUID(), made: await made() };
      await rehearse(solver, response, options);
    },
    async respond(challenge, { signal } = {}) {
      signal?.throwIfAborted();
      const response = await respondHttp01(challenge);
      return { ...response, made: await made() };
    },
    async present({ token, keyAuthorization }, { signal } = {}) {
      signal?.throwIfAborted();
      const name = checkedToken(token);
      await attempt('written', () => writeResponse(directory, name, keyAuthorization));
    },
    async visible({ token, keyAuthorization }, { signal } = {}) {
      signal?.throwIfAborted();
      const name = checkedToken(token);
      const content = await attempt('read', () => readResponse(directory, name));
      if (content !== keyAuthorization)
        throw new ChallengeError(
          'ERR_CHALLENGE_WEBROOT',
          `${join(directory, ...challengeFolders, name)} ${content === undefined ? 'was removed' : 'was changed'} after it was written: check what else writes there`,
        );
    },
    async remove({ token, made }) {
      const name = checkedToken(token);
      await attempt('cleaned', async () => {
        await removeResponse(directory, name);
        for (const step of [1, 0])
          if (made.includes(folders[step] ?? '')) await removeFolder(directory, step);
      });
    },
  };
  return solver;
}
