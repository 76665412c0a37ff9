import { describe, expect, it } from '@jest/globals';
import { ClientError } from './errors.ts';
import type { IssuanceProgress } from './progress.ts';
import { removeResponses } from './removal.ts';
import type { IssuanceState } from './state.ts';

const authorization = 'https://ca.test/authorization/1';
const state: IssuanceState = {
  version: 1,
  responses: [
    { type: 'dns-01', authorization, response: { name: '_acme-challenge.a.test', value: 'v' } },
    { type: 'http-01', authorization, response: { token: 't' } },
  ],
};
const removed = async (failure?: unknown) => {
  const [progress, tokens]: [IssuanceProgress[], unknown[]] = [[], []];
  const result = await removeResponses(state, {
    solverOf: async (type) => {
      if (type === 'dns-01' && failure === undefined) return undefined;
      return {
        async remove(response) {
          if (type === 'dns-01') throw failure;
          tokens.push(response.token);
        },
      };
    },
    onProgress: (step) => progress.push(step),
  }).catch((error: unknown) => error);
  expect(tokens).toEqual(['t']);
  return { result, progress };
};
const left = (reason: string) => ({
  type: 'left-on-display',
  response: state.responses[0],
  error: expect.objectContaining({
    code: 'ERR_CLIENT_NO_SOLVER',
    message: `the dns-01 response of _acme-challenge.a.test may still be published, remove it by hand: ${reason}`,
  }),
});

describe('the removal of the responses of a saved issuance', () => {
  it('leaves behind what has no solver any more, says so, and removes the rest', async () => {
    await expect(removed()).resolves.toEqual({
      result: undefined,
      progress: [left('there is no dns-01 solver any more')],
    });
  });
  it('leaves behind what only a person can still remove', async () => {
    const gone = new ClientError('ERR_CLIENT_NO_SOLVER', 'the provider was removed');
    await expect(removed(gone)).resolves.toEqual({
      result: undefined,
      progress: [left('the provider was removed')],
    });
  });
  it('fails where a later try can succeed', async () => {
    const { result, progress } = await removed(new Error('the network is down'));
    expect(result).toMatchObject({
      message: '1 of the challenge responses could not be removed: the network is down',
    });
    expect(progress).toEqual([]);
  });
});
