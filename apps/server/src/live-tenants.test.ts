import { systemClock } from '@acmex/clock';
import { readConfig } from '@acmex/config';
import { managerMetrics, Metrics } from '@acmex/observability';
import { memoryStorage, type Storage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import { LiveTenants } from './live-tenants.ts';

function signalOf() {
  let give = () => {
    /* set below */
  };
  const signal = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { give, signal };
}

it('serves tenants while their renewal plans are made again', async () => {
  const stopping = new AbortController();
  const memory = memoryStorage();
  const [started, planned] = [signalOf(), signalOf()];
  const storage: Storage = new Proxy(memory, {
    get(target, name) {
      if (name !== 'write') return (Reflect.get(target, name) as () => void).bind(target);
      return async (...[changes, options]: Parameters<Storage['write']>) => {
        if (JSON.stringify(changes).includes('policy/renewal')) {
          started.give();
          await planned.signal;
        }
        return await target.write(changes, options);
      };
    },
  });
  const environment = {};
  const config = await readConfig({
    cwd: import.meta.dirname,
    home: import.meta.dirname,
    file: undefined,
    environment,
    overrides: [],
    clock: systemClock,
  });
  const live = await LiveTenants.open(config, {
    storage,
    environment,
    log: () => undefined,
    clock: systemClock,
    watch: managerMetrics(new Metrics({ includesProcess: false })),
    signal: stopping.signal,
  });
  expect([...live.tenants().keys()]).toEqual(['default']);
  await started.signal;
  expect(await memory.get('policy/renewal')).toBeUndefined();
  planned.give();
  await live[Symbol.asyncDispose]();
  expect(await memory.get('policy/renewal')).toBeDefined();
});
