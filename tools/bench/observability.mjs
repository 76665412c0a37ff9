// What it costs to observe: scrapes of the metrics with many certificates.
import { inRounds, median } from './prepare.mjs';

export const title = 'Observability';
const certificates = 100_000;
const limitMs = 500;
const seriesOf = { '1,000 series': 1000, 'series for all': certificates };

export async function measure(bench) {
  const scrapes = await measureScrapes(bench);
  return {
    title,
    text: describeMeasurement(bench),
    rows: scrapes.map(({ series, following }) => ({
      promise: `a scrape, ${written(certificates)} certificates, ${series}`,
      limit: `${limitMs} ms`,
      figure: `${following.toFixed(0)} ms`,
      met: following <= limitMs,
    })),
    tables: [scrapeTable(scrapes)],
  };
}

async function measureScrapes(bench) {
  const rounds = await inRounds(
    bench.rounds,
    async () => await bench.run({ client: 'scrapes', names: [], certificates, series: seriesOf }),
  );
  return Object.keys(seriesOf).map((series) => {
    const of = (figure) => median(rounds.map((round) => figure(round.scrapes[series])));
    const first = of((scrapes) => scrapes.first);
    const following = of((scrapes) => median(scrapes.following));
    const longest = of((scrapes) => Math.max(...scrapes.following));
    console.error(`  ${series}: first ${first.toFixed(0)} ms, then ${following.toFixed(0)} ms`);
    return { series, first, following, longest, bytes: rounds[0].scrapes[series].bytes };
  });
}

function scrapeTable(scrapes) {
  return [
    ['certificates with series', 'first scrape', 'following scrapes', 'longest of them', 'text'],
    ...scrapes.map(({ series, first, following, longest, bytes }) => [
      series,
      ...[first, following, longest].map((figure) => `${figure.toFixed(0)} ms`),
      `${(bytes / 1e6).toFixed(1)} MB`,
    ]),
  ];
}

function describeMeasurement({ rounds }) {
  return `Scrapes of the metrics of ${written(certificates)} certificates with the storage in memory: the processor time of the process for the text in UTF-8. The first scrape reads every certificate. Before each of the following ten, 30 seconds pass on the clock of the metrics and 20 certificates are renewed; their median. The median of ${rounds}.`;
}

function written(count) {
  return count.toLocaleString('en');
}
