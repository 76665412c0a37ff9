// What a scrape of the metrics costs, with very many certificates.
import { CertificateCensus, certificateMetrics, Metrics } from '@acmex/observability';
import { CertificateStore } from '@acmex/orchestrator';
import { memoryStorage } from '@acmex/storage';

const dayMs = 86_400_000;
/** Larger than a piece of the text. */
const utf8 = Buffer.alloc(2 ** 20);
const scrapes = 10;
/** So many are renewed between two scrapes, which are so far apart. */
const renewed = 20;
const intervalMs = 30_000;

/**
 * @param options `certificates`: how many there are, which expire over 90 days; `series`: by their
 * names, how many of them have series of their own
 */
export async function open({ certificates: count, series }) {
  const clock = settableClock(Date.UTC(2030, 0, 1));
  const storage = memoryStorage();
  const certificates = new CertificateStore({ storage, clock });
  const ids = await filled(certificates, clock, count);
  clock.advance(dayMs);
  const figures = {};
  return {
    async issue() {
      for (const [name, limit] of Object.entries(series)) {
        const census = new CertificateCensus(() => ({ storage, certificates }), clock);
        const metrics = new Metrics({ includesProcess: false });
        certificateMetrics(metrics, { census, tenants: () => ['default'], series: limit, clock });
        figures[name] = await scrapesOf(metrics);
      }
    },
    figures: () => ({ scrapes: figures }),
    close: () => undefined,
  };

  async function scrapesOf(metrics) {
    const first = await scrape(metrics, count);
    const following = [];
    for (let at = 0; at < scrapes; at += 1) {
      clock.advance(intervalMs);
      for (const id of ids.splice(0, renewed)) await renew(certificates, clock, id, 90);
      following.push(await scrape(metrics, count));
    }
    return {
      first: first.milliseconds,
      following: following.map(({ milliseconds }) => milliseconds),
      bytes: following.at(-1).bytes,
    };
  }
}

/** Milliseconds of processor time, and the length of the text. */
async function scrape(metrics, count) {
  const before = process.cpuUsage();
  const counted = `acmex_certs_managed{tenant="default"} ${count}`;
  let [length, isCounted] = [0, false];
  for (const piece of await metrics.pieces()) {
    length += utf8.write(piece);
    isCounted ||= piece.includes(counted);
  }
  const { user, system } = process.cpuUsage(before);
  if (!isCounted) throw new Error(`the metrics do not count ${count} certificates`);
  return { milliseconds: (user + system) / 1000, bytes: length };
}

async function filled(certificates, clock, count) {
  const ids = [];
  for (let at = 0; at < count; at += 1) {
    const { id } = await certificates.add({
      names: [`www.host-${at}.example.test`],
      issuer: 'letsencrypt',
      keyType: 'ec-p256',
    });
    await renew(certificates, clock, id, 1 + (89 * at) / count);
    clock.advance(1);
    ids.push(id);
  }
  return ids;
}

/** Gives a certificate an end so many days from now, and a renewal two thirds of them from now. */
async function renew(certificates, clock, id, days) {
  const now = clock.now();
  const after = (part) =>
    new Date(now.epochMilliseconds + part * days * dayMs).toISOString().replace(/\.\d+/, '');
  await certificates.change(
    id,
    (summary) => ({
      ...summary,
      current: {
        generation: (summary.current?.generation ?? 0) + 1,
        serialNumber: '0a'.repeat(16),
        notBefore: now.toString(),
        notAfter: after(1),
        issuedAt: now.toString(),
      },
      renewal: { at: after(2 / 3) },
    }),
    { type: 'certificate_obtained' },
  );
}

/** A clock that moves only when it is advanced. */
function settableClock(start) {
  let now = start;
  return {
    now() {
      const text = new Date(now).toISOString();
      return { epochMilliseconds: now, toString: () => text };
    },
    monotonic: () => now,
    sleep: async () => undefined,
    advance(milliseconds) {
      now += milliseconds;
    },
  };
}
