// The barest work with a revocation list: its hash, which its signature needs. Called by `child.mjs`.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

export async function open({ file }) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  return {
    async issue() {
      delay.enable();
      const hash = createHash('sha256');
      for await (const piece of createReadStream(file)) hash.update(piece);
      hash.digest();
      delay.disable();
    },
    figures: () => ({ longestDelay: delay.max / 1e6 }),
    close: () => undefined,
  };
}
