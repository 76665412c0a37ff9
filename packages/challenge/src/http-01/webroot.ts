import { constants } from 'node:fs';
import { lstat, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChallengeSolver, ChallengeToSolve } from '@acmex/client';
import { errorCode } from '@acmex/errors';
import { ChallengeError } from '../errors.ts';
import { checkedToken, type Http01Response, respondHttp01, supportsHttp01 } from './response.ts';
import { placeFile, removeIfEmpty } from './webroot-file.ts';

export interface Http01WebrootOptions {
  /** What a web server serves as `http://NAME/`. */
  readonly directory: string;
}

/** The same as of a listener, with the folders that were not there before: they go when they are empty again. */
export type Http01WebrootResponse = Http01Response & { readonly made: readonly string[] };

/**
 * Answers http-01 with files in a web server's directory; `visible` reads them back, and does not know the web server.
 * Files are readable for all (0644, folders 0755) whatever the umask is: a web server runs as another user.
 * @throws ChallengeError `ERR_CHALLENGE_WEBROOT`, `ERR_CHALLENGE_TOKEN`
 */
export function http01Webroot({
  directory,
}: Http01WebrootOptions): ChallengeSolver<Http01WebrootResponse> {
  const folders = [
    join(directory, '.well-known'),
    join(directory, '.well-known', 'acme-challenge'),
  ];
  const fileOf = (token: string) =>
    join(directory, '.well-known', 'acme-challenge', checkedToken(token));
  const trying = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw new ChallengeError(
        'ERR_CHALLENGE_WEBROOT',
        `the webroot ${directory} cannot be ${what} (${errorCode(error) ?? String(error)}): check that it exists, and its permissions`,
        { cause: error },
      );
    }
  };
  return {
    type: 'http-01',
    supports: supportsHttp01,
    async respond(challenge: ChallengeToSolve, { signal } = {}) {
      signal?.throwIfAborted();
      const response = await respondHttp01(challenge);
      return await trying('used', async () => {
        if (!(await stat(directory)).isDirectory())
          throw Object.assign(new Error(`${directory} is no directory`), { code: 'ENOTDIR' });
        const absent = await Promise.all(folders.map(isAbsent));
        return { ...response, made: folders.filter((_, index) => absent[index]) };
      });
    },
    async present({ token, keyAuthorization }, { signal } = {}) {
      signal?.throwIfAborted();
      const file = fileOf(token);
      await trying('written', () => placeFile({ folders, file, content: keyAuthorization }));
    },
    async visible({ token, keyAuthorization }, { signal } = {}) {
      signal?.throwIfAborted();
      const file = fileOf(token);
      const content = await trying('read', () => read(file));
      if (content !== keyAuthorization)
        throw new ChallengeError(
          'ERR_CHALLENGE_WEBROOT',
          `${file} has another content than was written: check what else writes there`,
        );
    },
    async remove({ token, made }) {
      const file = fileOf(token);
      await trying('cleaned', async () => {
        await rm(file, { force: true });
        for (const folder of folders.toReversed())
          if (made.includes(folder)) await removeIfEmpty(folder);
      });
    },
  };
}

function isAbsent(path: string): Promise<boolean> {
  return lstat(path).then(
    () => false,
    (error: unknown) => {
      if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) return true;
      throw error;
    },
  );
}

/** What stands in the file itself: a link in its place is an error. */
async function read(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
