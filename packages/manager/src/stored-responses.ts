import { createHash } from 'node:crypto';
import type { SharedResponses } from '@acmex/challenge/http-01';
import { records, type Storage } from '@acmex/storage';

/** What any machine with the storage answers to a CA. It is public: the CA asks for it without a key. */
const responses = records<{ readonly response: string }>({
  kind: 'challenge response',
  version: 1,
  under: 'response',
});

/** Responses that lie in a storage: whoever has it answers for whoever orders. */
export function storedResponses(
  storage: Storage,
  type: 'http-01' | 'tls-alpn-01',
): SharedResponses {
  // Keys have no upper case.
  const idOf = (name: string) => `${type}/${createHash('sha256').update(name).digest('hex')}`;
  return {
    async put(name, response) {
      await storage.write([responses.put(idOf(name), { response })]);
    },
    find: async (name) => (await responses.read(storage, idOf(name)))?.record.response,
    async remove(name) {
      await storage.write([{ remove: responses.key(idOf(name)) }]);
    },
  };
}
