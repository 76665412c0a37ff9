import type { OpenProgram } from '@acmex/files';

/** What a server says of a file. */
export interface SftpAttributes {
  readonly size: number;
  readonly uid: number;
  readonly gid: number;
  /** With the type of the file, as `stat` has it. */
  readonly mode: number;
}

/** What `setAttributes` changes. */
export type SftpChange = { readonly uid: number; readonly gid: number } | { readonly mode: number };

/** A status that a server answers in place of success. */
export class SftpError extends Error {
  override readonly name = 'SftpError';

  constructor(readonly status: number) {
    super(statusTexts[status] ?? `status ${status}`);
  }
}

/** The server ended, or what it sends is not SFTP. */
export class SftpEnd extends Error {
  override readonly name = 'SftpEnd';

  constructor(readonly reason: 'ended' | 'not-sftp') {
    super(
      reason === 'ended'
        ? 'the connection ended'
        : 'its answer is not SFTP: enable the subsystem sftp there, and let no login script of the user print text',
    );
  }
}

/** An open file of a server. */
type Handle = Buffer;

/** Files of another host, by SFTP. Each method throws SftpError or SftpEnd. */
export interface Sftp {
  /** The names of the extensions that the server has. */
  readonly extensions: ReadonlySet<string>;
  /** Returns the attributes, of a link itself where it is one. */
  lstat(path: string): Promise<SftpAttributes>;
  openToRead(path: string): Promise<Handle>;
  /** Makes a file that does not exist, which its owner alone can read. */
  create(path: string): Promise<Handle>;
  /** Returns the bytes from here; undefined at the end. */
  read(handle: Handle, offset: number): Promise<Buffer | undefined>;
  write(handle: Handle, offset: number, bytes: Buffer): Promise<void>;
  attributes(handle: Handle): Promise<SftpAttributes>;
  setAttributes(handle: Handle, change: SftpChange): Promise<void>;
  /** Flushes the file to the disk, where the server can. */
  sync(handle: Handle): Promise<void>;
  close(handle: Handle): Promise<void>;
  /** Renames a file, in place of one that is there. */
  replace(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
}

export const noSuchFile = 2;
const endOfFile = 1;
const statusTexts: Readonly<Record<number, string>> = {
  2: 'no such file or directory',
  3: 'permission denied',
  4: 'the host could not do it; its disk may be full or read-only',
  8: 'the host has no such operation',
};

/** draft-ietf-secsh-filexfer-02, section 3 */
const types = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  fsetstat: 10,
  remove: 13,
  status: 101,
  handle: 102,
  data: 103,
  attributes: 105,
  extended: 200,
} as const;
/** Section 6.3 */
const flags = { read: 1, createToWrite: 0x02 | 0x08 | 0x20 };
/** Section 5 */
const has = { size: 1, owner: 2, mode: 4 };
const posixRename = 'posix-rename@openssh.com';
const fsync = 'fsync@openssh.com';
/** A server sends no longer message; the draft asks for 34,000 bytes at least. */
const longestMessage = 256 * 1024;
export const largestPiece = 32_768;

/**
 * Begins SFTP, version 3, with a program that connects to a server. One request is sent at a time.
 * @see https://datatracker.ietf.org/doc/html/draft-ietf-secsh-filexfer-02
 * @see https://github.com/openssh/openssh-portable/blob/master/PROTOCOL
 */
export async function openSftp(program: Pick<OpenProgram, 'output' | 'write'>): Promise<Sftp> {
  const messages = messagesIn(program.output);
  const receive = async () => {
    const { value, done } = await messages.next();
    if (done) throw new SftpEnd('ended');
    return reading(value);
  };
  program.write(message(types.init, [3]));
  const greeting = await receive();
  greeting.expect(types.version);
  greeting.number();
  const extensions = new Set<string>();
  while (!greeting.isAtEnd()) {
    extensions.add(greeting.bytes().toString());
    greeting.bytes();
  }
  let lastId = 0;
  const request = async (type: number, fields: readonly Field[]): Promise<Reading> => {
    lastId += 1;
    program.write(message(type, [lastId, ...fields]));
    const answer = await receive();
    if (answer.number() !== lastId) throw notSftp();
    if (answer.type !== types.status) return answer;
    const status = answer.number();
    if (status !== 0) throw new SftpError(status);
    return answer;
  };
  return { extensions, ...operations(request, extensions) };
}

type Request = (type: number, fields: readonly Field[]) => Promise<Reading>;

function operations(request: Request, extensions: ReadonlySet<string>): Omit<Sftp, 'extensions'> {
  const status = async (type: number, fields: readonly Field[]) => {
    (await request(type, fields)).expect(types.status);
  };
  const open = async (path: string, ...fields: readonly Field[]) => {
    const answer = await request(types.open, [path, ...fields]);
    answer.expect(types.handle);
    return answer.bytes();
  };
  return {
    lstat: async (path) => attributesIn(await request(types.lstat, [path])),
    openToRead: async (path) => await open(path, flags.read, 0),
    create: async (path) => await open(path, flags.createToWrite, has.mode, 0o600),
    async read(handle, offset) {
      try {
        const answer = await request(types.read, [handle, BigInt(offset), largestPiece]);
        answer.expect(types.data);
        return answer.bytes();
      } catch (error) {
        if (error instanceof SftpError && error.status === endOfFile) return undefined;
        throw error;
      }
    },
    write: async (handle, offset, bytes) =>
      await status(types.write, [handle, BigInt(offset), bytes]),
    attributes: async (handle) => attributesIn(await request(types.fstat, [handle])),
    setAttributes: async (handle, change) =>
      await status(
        types.fsetstat,
        'mode' in change
          ? [handle, has.mode, change.mode]
          : [handle, has.owner, change.uid, change.gid],
      ),
    async sync(handle) {
      if (extensions.has(fsync)) await status(types.extended, [fsync, handle]);
    },
    close: async (handle) => await status(types.close, [handle]),
    replace: async (from, to) => await status(types.extended, [posixRename, from, to]),
    remove: async (path) => await status(types.remove, [path]),
  };
}

/** Whether a server can replace a file in one step. */
export function canReplace({ extensions }: Pick<Sftp, 'extensions'>): boolean {
  return extensions.has(posixRename);
}

/** Reads the size, the owner and the mode. @throws SftpEnd where one is missing */
function attributesIn(answer: Reading): SftpAttributes {
  answer.expect(types.attributes);
  const present = answer.number();
  const all = has.size | has.owner | has.mode;
  if ((present & all) !== all) throw notSftp();
  const size = Number(answer.long());
  return { size, uid: answer.number(), gid: answer.number(), mode: answer.number() };
}

/** A number of 32 bits, one of 64, or bytes with their length before them. */
type Field = number | bigint | string | Buffer;

function message(type: number, fields: readonly Field[]): Buffer {
  const body = Buffer.concat([Buffer.from([type]), ...fields.map(encoded)]);
  return encoded(body);
}

function encoded(field: Field): Buffer {
  if (typeof field === 'bigint') {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(field);
    return bytes;
  }
  if (typeof field === 'number') {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(field);
    return bytes;
  }
  const bytes = Buffer.from(field);
  return Buffer.concat([encoded(bytes.length), bytes]);
}

/** Cuts what a server sends into messages. */
async function* messagesIn(output: AsyncIterable<Buffer>): AsyncGenerator<Buffer, undefined> {
  let received = Buffer.alloc(0);
  for await (const piece of output) {
    received = Buffer.concat([received, piece]);
    while (received.length >= 4) {
      const length = received.readUInt32BE();
      if (length === 0 || length > longestMessage) throw notSftp();
      if (received.length < 4 + length) break;
      yield received.subarray(4, 4 + length);
      received = received.subarray(4 + length);
    }
  }
  return undefined;
}

interface Reading {
  readonly type: number;
  expect(type: number): void;
  number(): number;
  long(): bigint;
  bytes(): Buffer;
  isAtEnd(): boolean;
}

/** Reads the fields of a message in their order. @throws SftpEnd where it is too short */
function reading(bytes: Buffer): Reading {
  let position = 1;
  const take = (length: number) => {
    const start = position;
    position += length;
    if (position > bytes.length) throw notSftp();
    return bytes.subarray(start, position);
  };
  const number = () => take(4).readUInt32BE();
  const type = bytes[0] ?? 0;
  return {
    type,
    number,
    expect(expected) {
      if (type !== expected) throw notSftp();
    },
    long: () => take(8).readBigUInt64BE(),
    bytes: () => take(number()),
    isAtEnd: () => position >= bytes.length,
  };
}

function notSftp(): SftpEnd {
  return new SftpEnd('not-sftp');
}
