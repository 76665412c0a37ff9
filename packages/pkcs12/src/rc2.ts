/** A permutation of the numbers from 0 to 255, from the digits of π. RFC 2268 §2 */
const permutation = Buffer.from(
  [
    'd978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2',
    '179a59f587b34f1361456d8d09817d32bd8f40eb86b77b0bf09521225c6b4e82',
    '54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626',
    '6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed7',
    '08e8eade8052eef784aa72ac354d6a2a961ad2715a1549744b9fd05e0418a4ec',
    'c2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731',
    '2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a9',
    '0d38341bab33ffb0bb480c5fb9b1cd2ec5f3db47e5a59c770aa62068fe7fc1ad',
  ].join(''),
  'hex',
);

/** How far each word of a block is rotated. */
const rotations = [1, 2, 3, 5] as const;

/**
 * Decrypts RC2 in CBC mode, which Windows and OpenSSL 1 use for the certificates of a PKCS#12 file,
 * and OpenSSL 3 does not offer. It never encrypts. RFC 2268
 * @param effectiveBits how many bits of the key count
 * @returns undefined where the padding is wrong
 */
export function decryptRc2(
  ciphertext: Uint8Array,
  {
    key,
    vector,
    effectiveBits,
  }: { readonly key: Uint8Array; readonly vector: Uint8Array; readonly effectiveBits: number },
): Buffer | undefined {
  if (ciphertext.length === 0 || ciphertext.length % 8 !== 0) return undefined;
  const schedule = expandKey(key, effectiveBits);
  const clear = Buffer.alloc(ciphertext.length);
  for (let start = 0; start < ciphertext.length; start += 8) {
    const block = decryptBlock(Buffer.from(ciphertext.subarray(start, start + 8)), schedule);
    const before = start === 0 ? vector : ciphertext.subarray(start - 8, start);
    for (let index = 0; index < 8; index++)
      clear[start + index] = (block[index] ?? 0) ^ (before[index] ?? 0);
  }
  return withoutPadding(clear);
}

/** Removes the padding of PKCS#7. RFC 5652 §6.3 */
function withoutPadding(clear: Buffer): Buffer | undefined {
  const length = clear.at(-1) ?? 0;
  if (length < 1 || length > 8) return undefined;
  const end = clear.length - length;
  return clear.subarray(end).every((byte) => byte === length) ? clear.subarray(0, end) : undefined;
}

/** Returns the 64 words of a key. RFC 2268 §2 */
function expandKey(key: Uint8Array, effectiveBits: number): Uint16Array {
  const bytes = Buffer.alloc(128);
  bytes.set(key);
  const permuted = (index: number) => permutation[index & 0xff] ?? 0;
  const byteAt = (index: number) => bytes[index] ?? 0;
  for (let index = key.length; index < 128; index++)
    bytes[index] = permuted(byteAt(index - 1) + byteAt(index - key.length));
  const effectiveBytes = Math.ceil(effectiveBits / 8);
  const mask = 0xff >> (8 * effectiveBytes - effectiveBits);
  const first = 128 - effectiveBytes;
  bytes[first] = permuted(byteAt(first) & mask);
  for (let index = first - 1; index >= 0; index--)
    bytes[index] = permuted(byteAt(index + 1) ^ byteAt(index + effectiveBytes));
  return Uint16Array.from({ length: 64 }, (_, word) => bytes.readUInt16LE(2 * word));
}

/** Undoes the rounds of a block, from the last. RFC 2268 §4 */
function decryptBlock(block: Buffer, schedule: Uint16Array): Buffer {
  const words = Uint16Array.from({ length: 4 }, (_, word) => block.readUInt16LE(2 * word));
  let next = 63;
  for (const mixings of [5, 6, 5]) {
    for (let round = 0; round < mixings; round++)
      for (let word = 3; word >= 0; word--) unmix(words, word, schedule[next--] ?? 0);
    if (next >= 0) for (let word = 3; word >= 0; word--) unmash(words, word, schedule);
  }
  for (const [word, value] of words.entries()) block.writeUInt16LE(value, 2 * word);
  return block;
}

function unmix(words: Uint16Array, word: number, subkey: number): void {
  const at = (back: number) => words[(word + 4 - back) & 3] ?? 0;
  const bits = rotations[word] ?? 0;
  const rotated = ((at(0) >>> bits) | (at(0) << (16 - bits))) & 0xffff;
  words[word] = rotated - subkey - (at(1) & at(2)) - (~at(1) & at(3));
}

function unmash(words: Uint16Array, word: number, schedule: Uint16Array): void {
  words[word] = (words[word] ?? 0) - (schedule[(words[(word + 3) & 3] ?? 0) & 63] ?? 0);
}
