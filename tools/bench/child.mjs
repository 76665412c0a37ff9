// One measured process: opens a client, issues, and reports what it cost on its standard output.
import { readFileSync } from 'node:fs';
import { median } from './figures.mjs';

const { adapter, warmUp, issuances, lanes = 1, names, ...options } = JSON.parse(process.env.BENCH);
const { open } = await import(adapter);

const begun = performance.now();
const client = await open(options);
const opened = (performance.now() - begun) / 1000;
const report = warmUp === undefined ? await once() : await many();
const { account, accountKey } = client;
process.stdout.write(
  JSON.stringify({
    ...report,
    ...client.figures?.(),
    opened,
    account,
    accountKey,
    peak: highestMemory(),
  }),
);
client.close();

/**
 * The most memory that was resident, MiB. `maxRSS` begins with that of the process that started this
 * one. proc(5)
 */
function highestMemory() {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
}

/** One issuance of all names. */
async function once() {
  const start = performance.now();
  await client.issue(names);
  return { wall: (performance.now() - start) / 1000 };
}

/**
 * Issuances of one name each: those that warm up, 20 at once, then those that count.
 * @returns CPU milliseconds per issuance, the median of the milliseconds that one takes, and the
 * seconds of all
 */
async function many() {
  await inLanes({ count: warmUp, lanes: 20, prefix: 'warm' });
  const start = performance.now();
  const before = process.cpuUsage();
  const times = await inLanes({ count: issuances, lanes, prefix: 'name' });
  const { user, system } = process.cpuUsage(before);
  const wall = (performance.now() - start) / 1000;
  return { cpu: (user + system) / 1000 / issuances, p50: median(times), wall };
}

/** Returns the milliseconds of each issuance. */
async function inLanes({ count, lanes: width, prefix }) {
  const times = [];
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const start = performance.now();
      await client.issue([`${prefix}-${next++}.test`]);
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return times;
}
