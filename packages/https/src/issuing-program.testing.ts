// A program with a certificate of a CA: bundled by the test, which kills it at a write.
import { scaledClock, systemClock } from '@acmex/clock';
import { nodeFetch } from '@acmex/protocol/node';
import type { Storage } from '@acmex/storage';
import { fileStorage } from '@acmex/storage-file';
import { autocert } from './autocert.ts';

export interface IssuingTask {
  /** That of the storage. */
  readonly folder: string;
  readonly host: string;
  readonly ports: { readonly https: number; readonly http: number };
  readonly directory: string;
  /** Of the CA's own HTTPS, PEM. */
  readonly caCertificate: string;
  /** The program says so and waits before it writes a key that begins so. */
  readonly waitsAt?: string;
}

const task = JSON.parse(process.argv[2] ?? '') as IssuingTask;

/** A lease that a killed process holds ends in half a second. */
const clock = scaledClock({ origin: systemClock.now(), factor: 20 });
const stored = fileStorage({ path: task.folder, clock });
const storage: Storage = {
  ...stored,
  async write(changes, options) {
    const { waitsAt } = task;
    const isMoment = (key: string) => waitsAt !== undefined && key.startsWith(waitsAt);
    if (changes.some((change) => 'set' in change && isMoment(change.set))) {
      process.stdout.write(`before ${waitsAt}\n`);
      await new Promise(() => undefined);
    }
    return await stored.write(changes, options);
  },
};
const tls = await autocert({
  names: ['example.test'],
  development: false,
  acceptTerms: true,
  directory: task.directory,
  fetch: nodeFetch({ ca: task.caCertificate }),
  storage,
  clock,
  host: task.host,
  ports: task.ports,
});
tls.on('error', (error) => process.stdout.write(`error ${String(error)}\n`));
const listening = await tls.listen((_, response) => void response.end('hello'));
process.stdout.write('listening\n');
process.once('SIGTERM', () => {
  void listening[Symbol.asyncDispose]().then(() => process.exit(0));
});
