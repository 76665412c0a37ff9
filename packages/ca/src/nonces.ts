import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { milliseconds } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import type { Storage } from '@acmex/storage';
import type { Service } from './service.ts';
import { key256, recordsOf } from './stored.ts';
import * as z from 'zod';

type Parts = Pick<Service, 'storage' | 'clock'> & {
  readonly lifetimes: Pick<Service['lifetimes'], 'nonce'>;
};

/**
 * Replay nonces. RFC 8555 §6.5. A nonce is 128 random bits, its end, and an authentication code
 * over both, so that handing one out stores nothing and any process knows those of the others. Only
 * used ones are kept, until they would have ended.
 */
export interface Nonces {
  fresh(): Promise<string>;
  /** Whether it may be used, as far as can be said without using it up. */
  plausible(nonce: string): Promise<boolean>;
  /** Uses it up. @returns false for one that is used already, in this process or another */
  use(nonce: string): Promise<boolean>;
}

const keys = recordsOf<{ readonly key: string }>('nonce-key', z.looseObject({ key: key256 }), {
  secret: true,
});
const used = recordsOf<{ readonly used: true }>('nonce', z.looseObject({ used: z.literal(true) }));
/** Random bytes, the end in minutes since 1970, the code. */
const [randomLength, endLength, codeLength] = [16, 4, 16];

export function nonces({ storage, clock, lifetimes }: Parts): Nonces {
  let key: Promise<Buffer> | undefined;
  const theKey = () => {
    key ??= sharedKey(storage).catch((error: unknown) => {
      key = undefined;
      throw error;
    });
    return key;
  };
  const minute = () => Math.floor(clock.now().epochMilliseconds / 60_000);
  const lifetime = Math.max(1, Math.ceil(milliseconds(lifetimes.nonce) / 60_000));
  let uses = 0;

  return {
    async fresh() {
      const content = Buffer.concat([randomBytes(randomLength), Buffer.alloc(endLength)]);
      content.writeUInt32BE(minute() + lifetime, randomLength);
      return Buffer.concat([content, code(content, await theKey())]).toString('base64url');
    },
    async plausible(nonce) {
      const bytes = bytesOf(nonce);
      if (!bytes) return false;
      const content = bytes.subarray(0, randomLength + endLength);
      return (
        timingSafeEqual(bytes.subarray(content.length), code(content, await theKey())) &&
        content.readUInt32BE(randomLength) >= minute()
      );
    },
    async use(nonce) {
      const bytes = bytesOf(nonce);
      if (!bytes) return false;
      try {
        await storage.write([
          used.added(
            `${bucket(bytes.readUInt32BE(randomLength))}/${bytes.toString('hex', 0, randomLength)}`,
            { used: true },
          ),
        ]);
      } catch (error) {
        if (errorCode(error) === 'ERR_STORAGE_CONFLICT') return false;
        throw error;
      }
      // Every use adds one, so removing more than that now and then keeps them to those that have
      // not ended.
      if (++uses % 64 === 1) await removeEnded(storage, bucket(minute()));
      return true;
    },
  };
}

function bytesOf(nonce: string): Buffer | undefined {
  const length = randomLength + endLength + codeLength;
  const bytes = /^[\w-]{48}$/.test(nonce) ? Buffer.from(nonce, 'base64url') : undefined;
  return bytes?.length === length ? bytes : undefined;
}

function code(content: Uint8Array, key: Buffer): Buffer {
  return createHmac('sha256', key).update(content).digest().subarray(0, codeLength);
}

/** Sorts like the time. */
function bucket(minute: number): string {
  return minute.toString(16).padStart(8, '0');
}

async function removeEnded(storage: Storage, now: string): Promise<void> {
  const ended: string[] = [];
  for await (const { key } of used.list(storage, { limit: 100, onCorrupt: () => undefined })) {
    if (key >= used.key(now)) break;
    ended.push(key);
  }
  if (ended.length > 0) await storage.write(ended.map((remove) => ({ remove })));
}

/** The key that all processes of one CA share: the first to come makes it. */
async function sharedKey(storage: Storage): Promise<Buffer> {
  try {
    await storage.write([keys.added('shared', { key: randomBytes(32).toString('base64url') })]);
  } catch (error) {
    if (errorCode(error) !== 'ERR_STORAGE_CONFLICT') throw error;
  }
  const stored = await keys.read(storage, 'shared');
  if (!stored) throw new Error('the key of the nonces was removed from the storage');
  return Buffer.from(stored.record.key, 'base64url');
}
