import { createHash } from 'node:crypto';
import type { SharedResponses } from '@acmex/challenge/http-01';
import { records, type Storage } from '@acmex/storage';

/** What any machine with the storage answers to a CA. It is public: the CA asks for it without a key. */
const responses = records<{ readonly keyAuthorization: string }>({ kind: 'http-01 response', version: 1, under: 'http-01' });

/** Responses that lie in a storage: whoever has it answers for whoever orders. */
export function storedResponses(storage: Storage): SharedResponses {
  // Keys have no upper case.
  const idOf = (token: string) => createHash('sha256').update(token).digest('hex');
  return {
    async put(token, keyAuthorization) {
      await storage.write([responses.put(idOf(token), { keyAuthorization })]);
    },
    find: async (token) => (await responses.read(storage, idOf(token)))?.record.keyAuthorization,
    async remove(token) {
      await storage.write([{ remove: responses.key(idOf(token)) }]);
    },
  };
}
