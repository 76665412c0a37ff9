import { memoryStorage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import { saveCredentials, savedCredentials } from './saved-credentials.ts';

it('keeps the variables of all processes that save some at the same moment', async () => {
  const storage = memoryStorage();
  await Promise.all(
    ['A', 'B', 'C', 'D'].map(async (name) => await saveCredentials(storage, { [name]: name })),
  );
  await saveCredentials(storage, { A: 'new' });
  await expect(savedCredentials(storage)).resolves.toEqual({ A: 'new', B: 'B', C: 'C', D: 'D' });
});
