import { Secret } from '@acmex/config';
import { expect, it } from '@jest/globals';
import { Redactor } from './redactor.ts';

it.each([
  ['redis://:50%offsecret@redis.test', '50%offsecret'],
  ['redis://:pass%40secret@redis.test', 'pass@secret'],
])('removes the password of %s, also where its encoding is not valid', async (url, password) => {
  const secret = new Secret(async () => url);
  await secret.reveal();
  expect(new Redactor([secret]).redact(`no answer with ${password}`)).not.toContain(password);
});
