// What it costs to observe: renewals that are watched, scrapes of the metrics with many
// certificates, and the verification of the audit log.
import { median, spread } from './figures.mjs';
import { inRounds } from './prepare.mjs';
import { withPebble } from './proxy.mjs';

export const title = 'Observability';
const certificates = 100_000;
const limitMs = 500;
const records = 20_000;
const recordsPerSecond = 50_000;
const left = {
  'processor time of a renewal with metrics, audit log and traces':
    'the audit log costs 0.4 ms and the traces 0.7 ms in the median; making and encoding spans, and following them through promises by the asynchronous hooks of Node.js 20, take 5 % of the main thread.',
  'audit records verified, files':
    'opening, reading and closing the file of each record takes a third of the main thread, the collector 11 %, reading JSON 5 %, and the hashes 6 %.',
};
const seriesOf = { '1,000 series': 1000, 'series for all': certificates };

export async function measure(bench) {
  const renewals = await measureRenewals(bench);
  const verifications = await measureVerifications(bench);
  const scrapes = await measureScrapes(bench);
  return {
    title,
    text: describeMeasurement(),
    rows: [...renewalRows(renewals), ...verificationRows(verifications), ...scrapeRows(scrapes)],
    tables: [renewalTable(renewals), scrapeTable(scrapes)],
    left,
  };
}

/** Returns the processor time of a renewal by what watches it, in milliseconds, for each round. */
async function measureRenewals(bench) {
  return await inRounds(bench.rounds, async () => {
    const { milliseconds } = await withPebble(bench, (ca) =>
      bench.run({ client: 'observed-renewals', names: [], ...ca }),
    );
    console.error(
      `  ${Object.entries(milliseconds)
        .map(([name, time]) => `${name} ${time.toFixed(2)} ms`)
        .join(', ')}`,
    );
    return milliseconds;
  });
}

function renewalRows(rounds) {
  return [
    {
      figure: 'processor time of a renewal with metrics, audit log and traces',
      unit: 'ms',
      ours: rounds.map(({ all }) => all),
      limit: { name: 'one that nothing watches', figures: rounds.map(({ nothing }) => nothing) },
      goals: [{ of: 'limit', atMost: 1.1 }],
    },
  ];
}

function renewalTable(rounds) {
  const names = Object.keys(rounds[0]);
  return [
    ['round', ...names],
    ...rounds.map((round, at) => [at + 1, ...names.map((name) => `${round[name].toFixed(2)} ms`)]),
  ];
}

/** Returns records verified in a second of processor time by where they are, for each round. */
async function measureVerifications(bench) {
  return await inRounds(bench.rounds, async () => {
    const { perSecond } = await bench.run({ client: 'audit-log', names: [], records });
    const rates = Object.entries(perSecond).map(([place, each]) => [place, median(each)]);
    console.error(`  ${rates.map(([place, rate]) => `${place} ${rate.toFixed(0)}/s`).join(', ')}`);
    return Object.fromEntries(rates);
  });
}

function verificationRows(rounds) {
  return Object.keys(rounds[0]).map((place) => ({
    figure: `audit records verified, ${place}`,
    unit: 'a second',
    ours: rounds.map((round) => round[place]),
    goals: [{ atLeast: recordsPerSecond }],
  }));
}

async function measureScrapes(bench) {
  const rounds = await inRounds(
    bench.rounds,
    async () => await bench.run({ client: 'scrapes', names: [], certificates, series: seriesOf }),
  );
  return Object.keys(seriesOf).map((series) => {
    const of = (figure) => rounds.map((round) => figure(round.scrapes[series]));
    return {
      series,
      first: of(({ first }) => first),
      following: of(({ following }) => median(following)),
      longest: of(({ following }) => Math.max(...following)),
      bytes: rounds[0].scrapes[series].bytes,
    };
  });
}

function scrapeRows(scrapes) {
  return scrapes.map(({ series, following }) => ({
    figure: `a scrape, ${written(certificates)} certificates, ${series}`,
    unit: 'ms',
    ours: following,
    goals: [{ atMost: limitMs }],
  }));
}

function scrapeTable(scrapes) {
  return [
    ['certificates with series', 'first scrape', 'following scrapes', 'longest of them', 'text'],
    ...scrapes.map(({ series, first, following, longest, bytes }) => [
      series,
      ...[first, following, longest].map((figure) => `${spread(figure, 0)} ms`),
      `${(bytes / 1e6).toFixed(1)} MB`,
    ]),
  ];
}

function describeMeasurement() {
  return `A renewal as in the part about keeping certificates current, 20 at once, with what watches it by turns in one process: 600 renewals each, spans encoded as for a collector. The audit log: one chain of ${written(records)} records, verified five times, per second of processor time. Scrapes of the metrics of ${written(certificates)} certificates with the storage in memory: the processor time of the process for the text in UTF-8. The first scrape reads every certificate. Before each of the following ten, 30 seconds pass on the clock of the metrics and 20 certificates are renewed; their median.`;
}

function written(count) {
  return count.toLocaleString('en');
}
