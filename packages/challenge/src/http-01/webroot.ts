import { randomBytes } from 'node:crypto';
import { access, mkdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChallengeSolver, ChallengeToSolve } from '@acmex/client';
import { errorCode } from '@acmex/protocol';
import { ChallengeError } from '../errors.ts';
import { type Http01Response, respondHttp01, supportsHttp01 } from './response.ts';

export interface Http01WebrootOptions {
  /** What a web server serves as `http://NAME/`. */
  readonly directory: string;
}

/** The same as of a listener, with the folders that were not there before: they go when they are empty again. */
export type Http01WebrootResponse = Http01Response & { readonly made: readonly string[] };

/**
 * Answers http-01 with files in a web server's directory.
 * @throws ChallengeError `ERR_CHALLENGE_WEBROOT`
 */
export function http01Webroot({ directory }: Http01WebrootOptions): ChallengeSolver<Http01WebrootResponse> {
  const folders = [join(directory, '.well-known'), join(directory, '.well-known', 'acme-challenge')];
  const [, folder = ''] = folders;
  const trying = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw new ChallengeError('ERR_CHALLENGE_WEBROOT', `the webroot ${directory} cannot be ${what} (${errorCode(error) ?? String(error)}): check that it exists, and its permissions`, { cause: error });
    }
  };
  return {
    type: 'http-01',
    supports: supportsHttp01,
    async respond(challenge: ChallengeToSolve) {
      const response = await respondHttp01(challenge);
      await trying('used', async () => { if (!(await stat(directory)).isDirectory()) throw Object.assign(new Error('no directory'), { code: 'ENOTDIR' }); });
      const there = await Promise.all(folders.map((one) => access(one).then(() => true, () => false)));
      return { ...response, made: folders.filter((_, index) => !there[index]) };
    },
    present: ({ token, keyAuthorization }) => trying('written', async () => {
      await mkdir(folder, { recursive: true, mode: 0o755 });
      // Renamed into its place: never half there, and a link in that place is replaced, not followed.
      const temporary = join(folder, `.${randomBytes(8).toString('hex')}`);
      try {
        await writeFile(temporary, keyAuthorization, { flag: 'wx', mode: 0o644 });
        await rename(temporary, join(folder, token));
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    }),
    visible: ({ token, keyAuthorization }) => trying('read', async () => {
      if (await readFile(join(folder, token), 'utf8') !== keyAuthorization) throw Object.assign(new Error('other content'), { code: 'another file stands there' });
    }),
    remove: ({ token, made }) => trying('cleaned', async () => {
      await respondHttp01({ token, keyAuthorization: '' });   // a saved token becomes a path again
      await rm(join(folder, token), { force: true });
      for (const one of [...folders].reverse()) {
        if (!made.includes(one)) return;
        const gone = await rmdir(one).then(() => true, (error: NodeJS.ErrnoException) => (['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(error.code ?? '') ? false : Promise.reject(error)));
        if (!gone) return;
      }
    }),
  };
}
