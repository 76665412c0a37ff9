import { parseListenAddress } from '@acmex/identifier';
import { http01Answers, type SharedResponses } from '@acmex/challenge/http-01';
import { tlsAlpn01Answers } from '@acmex/challenge/tls-alpn-01';
import { type Clock, systemClock } from '@acmex/clock';
import type { Config } from '@acmex/config';
import { errorCode } from '@acmex/errors';
import { storedResponses } from '@acmex/manager';
import type { ConfiguredManager } from '@acmex/manager/from-config';
import type { Log } from './log.ts';

export interface ChallengeAnswersOptions {
  readonly config: Config;
  /** Whose responses are shown. */
  readonly managers: () => ReadonlyMap<string, ConfiguredManager>;
  readonly log: Log;
  readonly clock?: Clock | undefined;
}

/** How often a port is tried again on which another answers: that one may end. */
const often = { seconds: 5 };

/**
 * Answers challenges for every process with the storage, as `server.answer_challenges` says, until
 * it is disposed of. Where another process of this machine answers on the port, this one takes its
 * place when that ends.
 * @throws ChallengeError `ERR_CHALLENGE_PORT_DENIED`, `ERR_CHALLENGE_LISTEN`
 */
export async function challengeAnswers({
  config: {
    values: {
      server: { answer_challenges: types },
      challenge: { http01, tls_alpn: tlsAlpn },
    },
  },
  managers,
  log,
  clock = systemClock,
}: ChallengeAnswersOptions): Promise<AsyncDisposable> {
  const shared = (type: 'http-01' | 'tls-alpn-01') =>
    responsesOf(() =>
      [...managers().values()].map(({ storage }) => storedResponses(storage, type)),
    );
  const ways = {
    'http-01': async () =>
      await http01Answers({ shared: shared('http-01'), ...parseListenAddress(http01.listen_addr) }),
    'tls-alpn-01': async () =>
      await tlsAlpn01Answers({
        shared: shared('tls-alpn-01'),
        ...parseListenAddress(tlsAlpn.listen_addr),
      }),
  };
  const ended = new AbortController();
  const waiting: Promise<void>[] = [];
  const open: AsyncDisposable[] = [];
  for (const type of new Set(types)) {
    const listen = async (): Promise<boolean> => {
      const answers = await ways[type]().catch((error: unknown) => {
        if (errorCode(error) !== 'ERR_CHALLENGE_PORT_IN_USE') throw error;
        return undefined;
      });
      if (answers) open.push(answers);
      return answers !== undefined;
    };
    if (await listen()) continue;
    log({
      level: 'info',
      msg: `another program answers ${type} here: this one takes its place when that ends`,
    });
    waiting.push(
      (async () => {
        do await clock.sleep(often, { signal: ended.signal });
        while (!(await listen()));
        log({ level: 'info', msg: `answering ${type} from now on` });
      })().catch((error: unknown) => {
        if (!ended.signal.aborted)
          log({ level: 'warn', msg: `${type} is not answered here: ${String(error)}` });
      }),
    );
  }
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await Promise.all(waiting);
      for (const listener of open) await listener[Symbol.asyncDispose]();
    },
  };
}

/** The responses of several, to be read. */
function responsesOf(all: () => readonly SharedResponses[]): Pick<SharedResponses, 'find'> {
  return {
    async find(name) {
      for (const responses of all()) {
        const response = await responses.find(name);
        if (response !== undefined) return response;
      }
      return undefined;
    },
  };
}
