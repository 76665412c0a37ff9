import { createHmac, timingSafeEqual } from 'node:crypto';
import { nameBytes, number32, number48, numbers16, readAnswer, type UpdateAnswer } from './wire.ts';

/** The algorithms of RFC 8945 §6, without hmac-md5, which must not be used. */
export type TsigAlgorithm =
  'hmac-sha1' | 'hmac-sha224' | 'hmac-sha256' | 'hmac-sha384' | 'hmac-sha512';

export interface SigningKey {
  readonly name: string;
  readonly algorithm: TsigAlgorithm;
  readonly secret: Buffer;
}

/** How far the clocks may differ, in seconds: what RFC 8945 §10 recommends. */
const fudge = 300;
const anyClass = 255;

/** A message with its TSIG record, and the code that the answer's is made over. RFC 8945 §5.3. */
export function signed(
  message: Buffer,
  key: SigningKey,
  time: number,
): { readonly message: Buffer; readonly mac: Buffer } {
  const algorithm = nameBytes(key.algorithm);
  const mac = macOf(key, [
    message,
    variables(key, { time, fudge, error: 0, otherData: Buffer.alloc(0) }),
  ]);
  const data = Buffer.concat([
    algorithm,
    number48(time),
    numbers16(fudge, mac.length),
    mac,
    message.subarray(0, 2),
    numbers16(0, 0),
  ]);
  const record = Buffer.concat([
    nameBytes(key.name),
    numbers16(250, anyClass),
    number32(0),
    numbers16(data.length),
    data,
  ]);
  return { message: Buffer.concat([withAdditionals(message, 1), record]), mac };
}

/**
 * Whether an answer was signed with the key, for this very request and at this time. RFC 8945 §5.4.
 */
export function isSigned(
  message: Buffer,
  key: SigningKey,
  requestMac: Buffer,
  now: number,
): boolean {
  const { tsig } = readAnswer(message);
  if (
    !tsig ||
    tsig.key !== key.name.replace(/\.$/, '').toLowerCase() ||
    tsig.algorithm !== key.algorithm
  )
    return false;
  // The server's time shows that a clock is wrong.
  if (tsig.error === 0 && Math.abs(now - tsig.time) > tsig.fudge) return false;
  const unsigned = withAdditionals(message.subarray(0, tsig.start), -1);
  const expected = macOf(key, [
    numbers16(requestMac.length),
    requestMac,
    unsigned,
    variables(key, tsig),
  ]);
  return expected.length === tsig.mac.length && timingSafeEqual(expected, tsig.mac);
}

/**
 * What the server has against a signature, in words; undefined where that is not the matter. RFC
 * 8945 §5.2.
 */
export function signatureFault({ tsig }: UpdateAnswer): string | undefined {
  switch (tsig?.error) {
    case 16:
      return 'the signature is wrong (BADSIG): check the secret of the key';
    case 17:
      return 'the key is not known (BADKEY): check its name and algorithm';
    case 18:
      return "the clocks differ by more than 5 minutes (BADTIME): set this machine's clock";
    case 22:
      return 'the signature is too short (BADTRUNC): check the algorithm of the key';
    default:
      return undefined;
  }
}

function variables(
  { name, algorithm }: Pick<SigningKey, 'name' | 'algorithm'>,
  {
    time,
    fudge: slack,
    error,
    otherData,
  }: {
    readonly time: number;
    readonly fudge: number;
    readonly error: number;
    readonly otherData: Buffer;
  },
): Buffer {
  return Buffer.concat([
    nameBytes(name),
    numbers16(anyClass),
    number32(0),
    nameBytes(algorithm),
    number48(time),
    numbers16(slack, error, otherData.length),
    otherData,
  ]);
}

function macOf({ algorithm, secret }: SigningKey, fields: readonly Buffer[]): Buffer {
  const hmac = createHmac(algorithm.slice('hmac-'.length), secret);
  for (const field of fields) hmac.update(field);
  return hmac.digest();
}

/** A message whose count of additional records is larger or smaller. */
function withAdditionals(message: Buffer, more: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(copy.readUInt16BE(10) + more, 10);
  return copy;
}
