import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { virtualClock } from '@acmex/clock';
import { describe, expect, it } from '@jest/globals';
import { startDnsServer } from '@acmex/services';
import { validationResolver } from './resolver.ts';

describe('validationResolver', () => {
  it('finds nothing where there is no name and where there is no record, and rejects all other answers by their code', async () => {
    await using server = await startDnsServer({
      'TXT empty.test': [],
      'CAA empty.test': [],
      'TXT broken.test': 2,
      'CAA refused.test': 5,
      'CAA odd.test': 4,
    });
    const { txt, caa } = validationResolver({ servers: [server.address] });
    await expect(
      Promise.all([txt('none.test'), txt('empty.test'), caa('none.test'), caa('empty.test')]),
    ).resolves.toEqual([[], [], [], []]);
    await expect(txt('broken.test')).rejects.toHaveProperty('code', 'ESERVFAIL');
    await expect(caa('refused.test')).rejects.toHaveProperty('code', 'EREFUSED');
    await expect(caa('odd.test')).rejects.toHaveProperty('code', 'ENOTIMP');
  });
  it('gives a silent server up, by the clock or with the signal', async () => {
    const silent = createSocket('udp4').bind(0, '127.0.0.1');
    await once(silent, 'listening');
    try {
      const clock = virtualClock();
      const { txt } = validationResolver({
        servers: [`127.0.0.1:${silent.address().port}`],
        clock,
      });
      const limited = expect(txt('a.test')).rejects.toHaveProperty('code', 'ECANCELLED');
      await clock.advance('PT10S');
      await limited;
      const stop = new AbortController();
      const aborted = expect(txt('a.test', { signal: stop.signal })).rejects.toThrow('enough');
      stop.abort(new Error('enough'));
      await aborted;
      expect(clock.sleepers).toBe(0);
    } finally {
      silent.close();
    }
  });
});
