import { createHash } from 'node:crypto';
import type { SharedResponses } from '@acmex/challenge/http-01';
import { records, schemaCheck, type Storage } from '@acmex/storage';
import * as z from 'zod';

/** Responses to challenges. They are public: the CA requests them without credentials. */
const responses = records<{ readonly response: string }>({
  kind: 'challenge response',
  version: 1,
  check: schemaCheck(z.looseObject({ response: z.string() })),
  under: 'response',
});

/**
 * Keeps responses in a storage, so that every process with the storage can answer for each of them.
 */
export function storedResponses(
  storage: Storage,
  type: 'http-01' | 'tls-alpn-01',
): SharedResponses {
  // A digest, because storage keys have no upper case.
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
