import { systemClock } from '@acmex/clock';
import { printable } from '@acmex/errors';
import { type EndingRecord, endingRecords } from '@acmex/manager';
import {
  type CertificateState,
  expiryOf,
  isWaiting,
  type ManagedCertificate,
  stateOf,
} from '@acmex/orchestrator';
import { type ConfiguredOutputOptions, type Row, table } from '../output.ts';
import type { Terminal } from '../terminal.ts';
import { printableNames } from './certificates.ts';
import { withManager } from './with-manager.ts';

export interface StatusOptions extends ConfiguredOutputOptions {
  /** Days before expiry. */
  readonly warn: number;
  /** Days before expiry. */
  readonly crit: number;
}

/** From the best to the worst, at the index of its exit code. */
const levels = ['OK', 'WARNING', 'CRITICAL'] as const;
type Level = (typeof levels)[number];

const dayMs = 86_400_000;

/**
 * `acmex status`: summarises all certificates for a monitoring system, and changes nothing.
 * @returns the exit code of a Nagios plugin: 0 OK, 1 warning, 2 critical
 */
export async function status(options: StatusOptions, terminal: Terminal): Promise<number> {
  let exitCode = 0;
  await withManager(options, terminal, async ({ provisioner, storage, challenge }) => {
    const now = systemClock.now();
    const rows: (Row & { readonly level: Level })[] = [];
    for await (const certificate of provisioner.certificates.list({ signal: terminal.signal })) {
      const [ending] = await endingRecords(certificate, { storage, challenge, now });
      rows.push(rowOf(certificate, { ending, now: now.epochMilliseconds, ...options }));
    }
    const counts = levels.map((level) => rows.filter((row) => row.level === level).length);
    exitCode = Math.max(
      0,
      counts.findLastIndex((count) => count > 0),
    );
    const level = levels[exitCode] ?? 'OK';
    const summary = levels
      .map((name, index) => `${counts[index]} ${name.toLowerCase()}`)
      .reverse()
      .join(', ');
    const listed = rows.filter(({ level: ofRow, state }) => ofRow !== 'OK' || state === 'waiting');
    return {
      text: [`ACMEX ${level} - ${summary}`, ...(listed.length > 0 ? [table(listed)] : [])].join(
        '\n',
      ),
      document: { level, certificates: rows },
      rows,
    };
  });
  return exitCode;
}

interface Judging extends Pick<StatusOptions, 'warn' | 'crit'> {
  /** A record of dns-persist-01 that expires before the next renewals. */
  readonly ending: EndingRecord | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

function rowOf(certificate: ManagedCertificate, judging: Judging) {
  const { id, current, failure, deployFailure } = certificate;
  const state = stateOf(certificate, systemClock);
  return {
    id,
    level: levelOf(certificate, state, judging),
    days: current && Math.floor((Date.parse(expiryOf(current)) - judging.now) / dayMs),
    state,
    names: printableNames(certificate),
    message:
      (isWaiting(failure) ? `waits until ${failure?.retryAt}` : failure?.code) ??
      deployFailure?.code ??
      servedText(certificate) ??
      leftOutText(certificate) ??
      judging.ending?.message,
  };
}

/** Returns what is wrong with a server of a certificate, by the last check; undefined for nothing. */
function servedText({ served = [] }: ManagedCertificate): string | undefined {
  const wrong = served.find(({ state }) => state === 'differs' || state === 'unreachable');
  return wrong && `${wrong.place}: ${wrong.detail ?? wrong.state}`;
}

/** Returns the names that the certificate in use lacks; undefined for none. */
function leftOutText({ current }: ManagedCertificate): string | undefined {
  const { leftOut = [] } = current ?? {};
  return leftOut.length === 0
    ? undefined
    : `without ${leftOut.map((name) => printable(name, 255)).join(', ')}`;
}

function levelOf(
  certificate: ManagedCertificate,
  state: CertificateState,
  { warn, crit, ending, now }: Judging,
): Level {
  const { current, deployFailure } = certificate;
  const notAfter = current ? Date.parse(expiryOf(current)) : 0;
  const daysLeft = current ? (notAfter - now) / dayMs : -1;
  // The limits are too long for a short lifetime: a fifth and a tenth of it are used then.
  const lifetime = current ? (notAfter - Date.parse(current.notBefore)) / dayMs : Infinity;
  // Its order has a time: nothing is wrong before that.
  if (state === 'waiting' && !current) return 'OK';
  if (daysLeft < Math.min(crit, lifetime / 10) || state === 'revoked') return 'CRITICAL';
  if (daysLeft < Math.min(warn, lifetime / 5)) return 'WARNING';
  const isWrong =
    deployFailure !== undefined ||
    servedText(certificate) !== undefined ||
    leftOutText(certificate) !== undefined;
  return isWrong || state === 'failing' || ending ? 'WARNING' : 'OK';
}
