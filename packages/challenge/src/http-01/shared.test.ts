import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort } from '@acmex/services';
import { describe, expect, it } from '@jest/globals';
import {
  http01,
  http01Answers,
  http01Shared,
  http01SharedHandler,
  type SharedResponses,
} from './index.ts';

/** What two machines share, late as a storage is. */
function shared(): SharedResponses & { readonly held: ReadonlyMap<string, string> } {
  const held = new Map<string, string>();
  const later = () =>
    new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  return {
    held,
    put: async (token, value) => {
      await later();
      held.set(token, value);
    },
    find: async (token) => {
      await later();
      return held.get(token);
    },
    remove: async (token) => {
      await later();
      held.delete(token);
    },
  };
}

const response = { token: 'a-token', keyAuthorization: 'a-token.thumbprint' };
const at = async (port: number, path: string) => {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`);
  return [answer.status, await answer.text()];
};

describe('responses that machines share', () => {
  it('are answered by a server of the program, which needs no port of the solver', async () => {
    const responses = shared();
    const handle = http01SharedHandler({ shared: responses });
    const server = createServer((request, reply) => {
      if (!handle(request, reply)) reply.end('the page');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      const solver = http01Shared({ shared: responses });
      await expect(solver.visible(response)).rejects.toMatchObject({
        code: 'ERR_CHALLENGE_NOT_VISIBLE',
      });
      await solver.present(response);
      await solver.visible(response);
      expect(await at(port, '/.well-known/acme-challenge/a-token')).toEqual([
        200,
        'a-token.thumbprint',
      ]);
      expect(await at(port, '/page')).toEqual([200, 'the page']);
      await solver.remove(response);
      expect(responses.held.size).toBe(0);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  it('are answered by every process that shares them, and by none once they are removed', async () => {
    const responses = shared();
    const [ownPort, otherPort] = [await freePort(), await freePort()];
    await using answers = await http01Answers({
      shared: responses,
      port: otherPort,
      host: '127.0.0.1',
    });
    expect(answers).toBeDefined();
    const solver = http01({ port: ownPort, host: '127.0.0.1', shared: responses });
    await solver.present(response);
    await solver.visible(response);
    for (const port of [ownPort, otherPort])
      expect(await at(port, '/.well-known/acme-challenge/a-token')).toEqual([
        200,
        'a-token.thumbprint',
      ]);
    await solver.remove(response);
    expect(await at(otherPort, '/.well-known/acme-challenge/a-token')).toEqual([
      404,
      'not found\n',
    ]);
    expect(responses.held.size).toBe(0);
  });
  it('need no separate port if the process that listens there shares them, and are visible there', async () => {
    const responses = shared();
    const port = await freePort();
    await using answers = await http01Answers({ shared: responses, port, host: '127.0.0.1' });
    expect(answers).toBeDefined();
    const solver = http01({ port, host: '127.0.0.1', shared: responses });
    await solver.present(response);
    await solver.visible(response);
    await solver.remove(response);
  });
  it('stay visible when the process that listened there ends', async () => {
    const responses = shared();
    const port = await freePort();
    const first = await http01Answers({ shared: responses, port, host: '127.0.0.1' });
    const solver = http01({ port, host: '127.0.0.1', shared: responses });
    await solver.present(response);
    await first[Symbol.asyncDispose]();
    await solver.visible(response);
    expect(await at(port, '/.well-known/acme-challenge/a-token')).toEqual([
      200,
      'a-token.thumbprint',
    ]);
    await solver.remove(response);
  });
  it('are checked before an order, and nothing of the check is left', async () => {
    const responses = shared();
    const port = await freePort();
    const solvers = ['a', 'b', 'c'].map(() =>
      http01({ port, host: '127.0.0.1', shared: responses }),
    );
    await Promise.all(solvers.map(async (solver) => await solver.check?.([])));
    expect(responses.held.size).toBe(0);
    await expect(at(port, '/')).rejects.toThrow('fetch failed');
  });
  it('are not taken for seen where somebody else listens', async () => {
    const port = await freePort();
    await using unrelated = await http01Answers({ shared: shared(), port, host: '127.0.0.1' });
    expect(unrelated).toBeDefined();
    const solver = http01({ port, host: '127.0.0.1', shared: shared() });
    await solver.present(response);
    await expect(solver.visible(response)).rejects.toMatchObject({
      code: 'ERR_CHALLENGE_PORT_IN_USE',
    });
    await solver.remove(response);
  });
  it('that cannot be looked up are not there', async () => {
    const port = await freePort();
    await using answers = await http01Answers({
      shared: {
        ...shared(),
        find: async () => {
          throw new Error('away');
        },
      },
      port,
      host: '127.0.0.1',
    });
    expect(answers).toBeDefined();
    expect(await at(port, '/.well-known/acme-challenge/a-token')).toEqual([404, 'not found\n']);
    expect(await at(port, '/')).toEqual([404, 'not found\n']);
  });
});
