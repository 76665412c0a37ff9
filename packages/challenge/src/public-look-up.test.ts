import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { virtualClock } from '@acmex/clock';
import { eventually, freePort } from '@acmex/services';
import { describe, expect, it } from '@jest/globals';
import { http01Answers } from './http-01/index.ts';
import { publicLookUp } from './public-look-up.ts';

/** Responses whose look-ups end when the test ends them. */
function slowResponses() {
  const asked: string[] = [];
  const ends: (() => void)[] = [];
  return {
    asked,
    endAll: () => ends.splice(0).forEach((end) => end()),
    shared: {
      find: async (name: string) => {
        asked.push(name);
        await new Promise<void>((resolve) => {
          ends.push(resolve);
        });
        return name === 'known' ? 'response' : undefined;
      },
    },
  };
}

describe('looking up shared responses for anyone', () => {
  it('remembers an unknown name for two seconds, and never a known one', async () => {
    const clock = virtualClock();
    const asked: string[] = [];
    const lookUp = publicLookUp(
      {
        find: async (name) => {
          asked.push(name);
          return name === 'known' ? 'response' : undefined;
        },
      },
      { clock },
    );
    for (let time = 0; time < 3; time += 1)
      expect([await lookUp('unknown'), await lookUp('known')]).toEqual([undefined, 'response']);
    expect(asked).toEqual(['unknown', 'known', 'known', 'known']);
    await clock.advance({ seconds: 2 });
    await lookUp('unknown');
    expect(asked.filter((name) => name === 'unknown')).toHaveLength(2);
  });
  it('asks the storage once for a name that many ask for at once', async () => {
    const { shared, asked, endAll } = slowResponses();
    const lookUp = publicLookUp(shared, { clock: virtualClock() });
    const answers = Promise.all(Array.from({ length: 20 }, async () => await lookUp('known')));
    await eventually(() => asked.length === 1);
    endAll();
    expect(new Set(await answers)).toEqual(new Set(['response']));
    expect(asked).toEqual(['known']);
  });
  it('has four look-ups at once for the clients of one network, and one for another at once', async () => {
    const { shared, asked, endAll } = slowResponses();
    const lookUp = publicLookUp(shared, { clock: virtualClock() });
    const flood = Promise.all(
      Array.from({ length: 50 }, async (_, at) => await lookUp(`t${at}`, `2001:db8::${at}`)),
    );
    const unrelated = lookUp('known', '192.0.2.1');
    await eventually(() => asked.includes('known'));
    expect(asked).toHaveLength(5);
    const ending = (async () => {
      while (asked.length < 51) {
        endAll();
        await Promise.resolve();
      }
      endAll();
    })();
    await expect(unrelated).resolves.toBe('response');
    await Promise.all([flood, ending]);
    expect(asked).toHaveLength(51);
  });
});

describe('the listener for challenges', () => {
  it('leaves room for others when one network holds many connections', async () => {
    const port = await freePort();
    await using answers = await http01Answers({
      port,
      host: '::',
      shared: { find: async () => 'response' },
    });
    expect(answers).toBeDefined();
    const sockets: Socket[] = [];
    const open = async (host: string) => {
      const socket = connect(port, host).on('error', () => {
        /* it is cut off */
      });
      sockets.push(socket);
      await once(socket, 'connect');
      return socket;
    };
    try {
      for (let at = 0; at < 60; at += 1) await open('127.0.0.1');
      await eventually(() => sockets.filter(({ closed }) => closed).length === 10);
      const asking = await open('::1');
      asking.write('GET /.well-known/acme-challenge/token HTTP/1.1\r\nhost: a.test\r\n\r\n');
      const [answer] = (await once(asking, 'data')) as [Buffer];
      expect(String(answer)).toMatch(/^HTTP\/1\.1 200 /);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });
});
