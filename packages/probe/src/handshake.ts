import { type CipherGCMTypes, createDecipheriv, createHmac } from 'node:crypto';

/** What a TLS library says of a handshake, of whose messages only the bytes are known. */
export interface HandshakeKeys {
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly protocol: string;
  /** The cipher suite by its IANA name, such as `TLS_AES_128_GCM_SHA256`. */
  readonly cipher: string;
  /** For TLS 1.3: server_handshake_traffic_secret. RFC 8446 §7.1 */
  readonly secret: Buffer | undefined;
}

const contentTypes = { handshake: 22, applicationData: 23 };
const certificateMessage = 11;

/**
 * Returns the certificates of a handshake as the server sent them, DER: in its order, with repeats
 * and strays. Libraries return the chain that they made of it.
 *
 * @param received every byte that the server sent, beginning with the first of the handshake
 * @throws RangeError when there is no whole Certificate message
 */
export function certificatesSent(received: Buffer, keys: HandshakeKeys): readonly Buffer[] {
  const isNewer = keys.protocol === 'TLSv1.3';
  const message = certificateIn(
    isNewer ? decryptedHandshake(received, keys) : plainHandshake(received),
  );
  return isNewer ? certificateEntries(message) : certificateList(message);
}

interface TlsRecord {
  readonly type: number;
  readonly header: Buffer;
  readonly fragment: Buffer;
}

/** Splits bytes into records. RFC 8446 §5.1 */
function* records(bytes: Buffer): Generator<TlsRecord> {
  const reader = new Reader(bytes);
  while (!reader.isAtEnd) {
    const header = reader.take(5);
    yield { type: header.readUInt8(0), header, fragment: reader.take(header.readUInt16BE(3)) };
  }
}

function* plainHandshake(received: Buffer): Generator<Buffer> {
  for (const { type, fragment } of records(received))
    if (type === contentTypes.handshake) yield fragment;
}

/** Decrypts the handshake messages of TLS 1.3 after ServerHello. RFC 8446 §5.2 */
function* decryptedHandshake(
  received: Buffer,
  { cipher, secret }: HandshakeKeys,
): Generator<Buffer> {
  const suite = suites.find(({ pattern }) => pattern.test(cipher));
  if (!suite || !secret) throw new RangeError(`${cipher}: no key of the handshake`);
  const key = expandLabel(secret, suite.hash, { label: 'key', length: suite.keyLength });
  const vector = expandLabel(secret, suite.hash, { label: 'iv', length: 12 });
  let sequence = 0;
  for (const { type, header, fragment } of records(received)) {
    if (type !== contentTypes.applicationData) continue;
    const nonce = Buffer.from(vector);
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ sequence) >>> 0, 8);
    sequence += 1;
    const decipher = decipherOf(suite, key, nonce);
    decipher.setAAD(header, { plaintextLength: fragment.length - 16 });
    decipher.setAuthTag(fragment.subarray(-16));
    const text = Buffer.concat([decipher.update(fragment.subarray(0, -16)), decipher.final()]);
    const end = text.findLastIndex((byte) => byte !== 0);
    if (text[end] === contentTypes.handshake) yield text.subarray(0, end);
  }
}

function decipherOf({ algorithm }: Suite, key: Buffer, nonce: Buffer) {
  return algorithm === 'chacha20-poly1305'
    ? createDecipheriv(algorithm, key, nonce, { authTagLength: 16 })
    : createDecipheriv(algorithm, key, nonce, { authTagLength: 16 });
}

interface Suite {
  readonly pattern: RegExp;
  readonly algorithm: CipherGCMTypes | 'chacha20-poly1305';
  readonly keyLength: number;
  readonly hash: string;
}

/** The AEADs of TLS 1.3 that Node.js offers. RFC 8446 §B.4 */
const suites: readonly Suite[] = [
  { pattern: /AES_128_GCM/, algorithm: 'aes-128-gcm', keyLength: 16, hash: 'sha256' },
  { pattern: /AES_256_GCM/, algorithm: 'aes-256-gcm', keyLength: 32, hash: 'sha384' },
  { pattern: /CHACHA20/, algorithm: 'chacha20-poly1305', keyLength: 32, hash: 'sha256' },
];

/** HKDF-Expand-Label with an empty context, for no more than one block. RFC 8446 §7.1 */
function expandLabel(
  secret: Buffer,
  hash: string,
  { label, length }: { readonly label: string; readonly length: number },
): Buffer {
  const name = Buffer.from(`tls13 ${label}`);
  const information = Buffer.from([0, length, name.length, ...name, 0, 1]);
  return createHmac(hash, secret).update(information).digest().subarray(0, length);
}

/** Finds the Certificate message. RFC 8446 §4, RFC 5246 §7.4 */
function certificateIn(fragments: Iterable<Buffer>): Buffer {
  let bytes = Buffer.alloc(0);
  for (const fragment of fragments) {
    bytes = Buffer.concat([bytes, fragment]);
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUIntBE(1, 3)) {
      const body = bytes.subarray(4, 4 + bytes.readUIntBE(1, 3));
      if (bytes[0] === certificateMessage) return body;
      bytes = bytes.subarray(4 + body.length);
    }
  }
  throw new RangeError('the handshake has no Certificate message');
}

/** Reads the certificates of TLS 1.2. RFC 5246 §7.4.2 */
function certificateList(message: Buffer): readonly Buffer[] {
  const list = new Reader(new Reader(message).vector(3));
  const certificates: Buffer[] = [];
  while (!list.isAtEnd) certificates.push(list.vector(3));
  return certificates;
}

/** Reads the certificates of TLS 1.3, each of which has extensions. RFC 8446 §4.4.2 */
function certificateEntries(message: Buffer): readonly Buffer[] {
  const body = new Reader(message);
  body.vector(1);
  const list = new Reader(body.vector(3));
  const certificates: Buffer[] = [];
  while (!list.isAtEnd) {
    certificates.push(list.vector(3));
    list.vector(2);
  }
  return certificates;
}

class Reader {
  #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#bytes.length === 0;
  }

  /** @throws RangeError when there are fewer bytes */
  take(length: number): Buffer {
    if (length > this.#bytes.length) throw new RangeError('the message is cut');
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }

  /** Reads what follows its length. */
  vector(lengthBytes: number): Buffer {
    return this.take(this.take(lengthBytes).readUIntBE(0, lengthBytes));
  }
}
