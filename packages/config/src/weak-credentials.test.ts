import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { configFolder } from './config.testing.ts';
import { apiKeyWeakness, readConfig, weakCredentials, webhookSecretWeakness } from './index.ts';

describe('an API key of the configuration', () => {
  it.each([
    '0123456789abcdef0123456789abcdef',
    'fedcba9876543210fedcba9876543210',
    '0123456789abcdeffedcba9876543210',
    '0123456789ABCDEF0123456789abcdef',
    'abcdefghijklmnopqrstuvwxyz0123456789',
    'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
    'qwertyuiopasdfghjklzxcvbnm1234567890',
    '12345678901234567890123456789012',
    '11223344556677889900aabbccddeeff',
    'a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6',
    'abcd1234abcd1234abcd1234abcd1234',
    'abcabcabcabcabcabcabcabcabcabcabcabc',
    'passwordpasswordpasswordpassword1234',
    'secret-admin-key-secret-admin-key-1',
    'x'.repeat(64),
    'Xy7Xy7Xy7Xy7Xy7Xy7Xy7Xy7Xy7Xy7Xy7Xy7',
    `${'k9Qz'.repeat(12)}`,
  ])('can be guessed where it is %s', (key) => {
    expect(apiKeyWeakness(key)?.problem).toMatch(/can be guessed/);
    expect(JSON.stringify(apiKeyWeakness(key))).not.toContain(key);
  });

  it('is strong where it is random', () => {
    for (let time = 0; time < 500; time += 1) {
      for (const key of [
        randomBytes(32).toString('hex'),
        randomBytes(16).toString('hex'),
        randomBytes(24).toString('base64'),
        randomBytes(32).toString('base64url'),
      ])
        expect([key, apiKeyWeakness(key)]).toEqual([key, undefined]);
    }
  });
});

it('accepts the secret of a webhook sender from 24 bytes on', () => {
  const strong = randomBytes(24);
  expect(webhookSecretWeakness(`whsec_${strong.toString('base64')}`)).toBeUndefined();
  expect(webhookSecretWeakness(strong.toString('hex'))).toBeUndefined();
  for (const weak of ['whsec_', 'x', `whsec_${strong.subarray(1).toString('base64')}`])
    expect(webhookSecretWeakness(weak)?.problem).toMatch(/can be guessed/);
});

it('reports guessable credentials with their places, and runs no program for it', async () => {
  await using folder = await configFolder(
    [
      '[server]',
      'api_keys = ["0123456789abcdef0123456789abcdef", { command = ["/bin/false"] }]',
      '[[server.webhooks]]',
      'name = "ci"',
      'secret = "whsec_"',
      '[[server.webhooks]]',
      'name = "cd"',
      'secret = { env = "SHORT" }',
    ].join('\n'),
    { environment: { SHORT: 'x' } },
  );
  const config = await readConfig(folder.options);
  await expect(weakCredentials(config)).resolves.toMatchObject([
    { key: 'server.api_keys[0]', origin: { line: 2 } },
    { key: 'server.webhooks[0].secret', origin: { line: 5 } },
    { key: 'server.webhooks[1].secret', origin: { line: 8 } },
  ]);
});
