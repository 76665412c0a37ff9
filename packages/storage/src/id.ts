import { type Clock, systemClock } from '@acmex/clock';

const digits = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * A new id for a key: `prefix_` and a lower-case ULID, so that keys sort by the time of their
 * making, with 80 bits that no one can guess.
 */
export function newId(prefix: string, clock: Clock = systemClock): string {
  return `${firstId(prefix, clock.now().epochMilliseconds)}${randomDigits()}`;
}

/** Random bytes for the next ids: to get those of one id takes longer than all the rest of it. */
let random = new Uint8Array(0);
let used = 0;
const randomLength = 16;

function randomDigits(): string {
  if (used === random.length) {
    random = globalThis.crypto.getRandomValues(new Uint8Array(256 * randomLength));
    used = 0;
  }
  let text = '';
  for (const end = used + randomLength; used < end; used += 1)
    text += digits.charAt((random[used] ?? 0) & 31);
  return text;
}

/** What every id begins with that is made at a moment: all that sort before were made before. */
export function firstId(prefix: string, epochMilliseconds: number): string {
  let time = '';
  for (
    let rest = epochMilliseconds, length = 0;
    length < 10;
    length += 1, rest = Math.floor(rest / 32)
  )
    time = digits.charAt(rest % 32) + time;
  return `${prefix}_${time}`;
}

/** Returns the moment of an id of `newId` or `firstId`: milliseconds since 1970. */
export function idMilliseconds(id: string): number {
  const time = id.slice(id.indexOf('_') + 1).slice(0, 10);
  return [...time].reduce((sum, digit) => sum * 32 + digits.indexOf(digit), 0);
}
