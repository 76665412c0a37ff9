import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { describeError, logWithoutPrivateKeys } from './log.ts';

const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();
const secret = pem.split('\n')[1] ?? '';

describe('a message of the agent', () => {
  it.each([
    ['whole', pem],
    ['without its beginning', pem.slice(10)],
    ['without its end', pem.slice(0, -10)],
  ])('does not contain a private key that a hook has written: %s', (_, text) => {
    const messages: string[] = [];
    logWithoutPrivateKeys(({ msg }) => messages.push(msg))({ level: 'info', msg: `hook: ${text}` });
    messages.push(describeError(new Error(`hook: ${text}`)));
    for (const message of messages) {
      expect(message).toContain('(a private key)');
      expect(message).not.toContain(secret);
    }
  });
  it('has the code of the error', () => {
    const error = Object.assign(new Error('refused'), { code: 'ERR_DEPLOY_HOOK' });
    expect(describeError(error)).toBe('refused [ERR_DEPLOY_HOOK]');
  });
});
