import { type Clock, type InstantInput, systemClock, timestamp } from '@acmex/clock';
import type { Identifier } from '@acmex/identifier';
import { idOf, type Storage } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import { type Answer, json } from './answer.ts';
import type { CertificateRecord } from './certificate-records.ts';
import { CaError } from './errors.ts';
import { certificateNamed } from './replacement.ts';
import { refusal } from './problems.ts';
import type { Service } from './service.ts';
import { recordsOf, time } from './stored.ts';
import * as z from 'zod';

interface WindowRecord {
  /** Times are RFC 3339. */
  readonly start: string;
  readonly end: string;
  readonly explanationUrl?: string | undefined;
  /**
   * Certificates made later keep their own window, or those that replace would have to be replaced
   * at once.
   */
  readonly issuedBefore: string;
}

/** Windows that were moved: by serial number, or `all`. */
export const windows = recordsOf<WindowRecord>(
  'renewal-window',
  z.looseObject({
    start: time,
    end: time,
    explanationUrl: z.string().optional(),
    issuedBefore: time,
  }),
);

export interface MovedWindow {
  /** Hexadecimal; absent: all certificates that exist now. */
  readonly serialNumber?: string;
  readonly start: InstantInput;
  readonly end: InstantInput;
  /** The URL of a page with the reason. */
  readonly explanationUrl?: string;
}

/**
 * Moves the time at which certificates are to be renewed: for an incident, or to rehearse one.
 * @throws CaError `ERR_CA_WINDOW`
 */
export async function moveRenewalWindow(
  storage: Storage,
  { serialNumber = 'all', start, end, explanationUrl }: MovedWindow,
  { clock = systemClock }: { readonly clock?: Clock } = {},
): Promise<void> {
  const [from, to] = [Temporal.Instant.from(start), Temporal.Instant.from(end)];
  if (Temporal.Instant.compare(from, to) >= 0)
    throw new CaError('ERR_CA_WINDOW', `the window would end at ${to}, and start at ${from}`);
  await storage.write([
    windows.put(serialNumber.toLowerCase(), {
      start: from.toString(),
      end: to.toString(),
      explanationUrl,
      issuedBefore: timestamp(clock.now()),
    }),
  ]);
}

/** Gives certificates their own windows back. Repeatable. */
export async function restoreRenewalWindow(
  storage: Storage,
  { serialNumber = 'all' }: Pick<MovedWindow, 'serialNumber'> = {},
): Promise<void> {
  await storage.write([{ remove: windows.key(serialNumber.toLowerCase()) }]);
}

/** Six hours. RFC 9773 §4.3.2 */
const askAgain = '21600';

/** When a certificate should be renewed; anyone may ask. RFC 9773 §4 */
export async function renewalInfo(
  { storage, clock }: Service,
  { certificateId }: { readonly certificateId: string },
): Promise<Answer> {
  const stored = await certificateNamed(storage, certificateId);
  if (!stored)
    throw refusal('malformed', 'this CA has issued no certificate of this name', { status: 404 });
  const { record } = stored;
  const { start, end, explanationUrl } = await renewalWindow(
    { storage, clock },
    idOf(stored),
    record,
  );
  return json(
    200,
    { suggestedWindow: { start, end }, explanationURL: explanationUrl },
    { headers: { 'retry-after': askAgain } },
  );
}

/** Returns when a certificate is to be renewed. */
export async function renewalWindow(
  { storage, clock }: Pick<Service, 'storage' | 'clock'>,
  serialNumber: string,
  record: CertificateRecord,
): Promise<Pick<WindowRecord, 'start' | 'end' | 'explanationUrl'>> {
  return (await movedWindow(storage, serialNumber, record)) ?? ownWindow(record, clock);
}

async function movedWindow(
  storage: Storage,
  serialNumber: string,
  { issuedAt }: CertificateRecord,
): Promise<WindowRecord | undefined> {
  for (const id of [serialNumber, 'all']) {
    const window = (await windows.read(storage, id))?.record;
    if (window && (id !== 'all' || Temporal.Instant.compare(issuedAt, window.issuedBefore) <= 0))
      return window;
  }
  return undefined;
}

/** From two thirds of its life on, for a thirtieth of it; a revoked one at once. RFC 9773 §4.2 */
function ownWindow(
  { notBefore, notAfter, revoked }: CertificateRecord,
  clock: Clock,
): { readonly start: string; readonly end: string } {
  const [from, to] = [Temporal.Instant.from(notBefore), Temporal.Instant.from(notAfter)];
  // The last second is a part of it. RFC 5280 §4.1.2.5
  const life = to.epochMilliseconds - from.epochMilliseconds + 1000;
  const at = (part: number) =>
    from
      .add({ milliseconds: Math.round(life * part) })
      .round('second')
      .toString();
  if (!revoked) return { start: at(20 / 30), end: at(21 / 30) };
  const now = clock.now().round('second');
  return {
    start: now.subtract({ hours: 2 }).toString(),
    end: now.subtract({ hours: 1 }).toString(),
  };
}

/** Whether an order names the certificate that it replaces, and is made in its window. RFC 9773 §5 */
export async function isRenewalInWindow(
  service: Service,
  {
    account,
    names,
    replaces,
  }: {
    readonly account: string;
    readonly names: readonly Identifier[];
    readonly replaces: unknown;
  },
): Promise<boolean> {
  const stored =
    typeof replaces === 'string' ? await certificateNamed(service.storage, replaces) : undefined;
  if (stored?.record.account !== account || stored.record.replacedBy !== undefined) return false;
  const shared = stored.record.identifiers.some(({ value }) =>
    names.some((name) => name.value === value),
  );
  const { start, end } = await renewalWindow(service, idOf(stored), stored.record);
  const now = service.clock.now().epochMilliseconds;
  return shared && Date.parse(start) <= now && now < Date.parse(end);
}
