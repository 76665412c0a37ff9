const texts: Readonly<Record<string, string>> = {
  EACCES: 'this user may not read it',
  EAI_AGAIN: 'the resolver of this machine does not answer',
  ECONNREFUSED: 'no program listens there',
  ECONNRESET: 'the connection was closed',
  EHOSTUNREACH: 'the network has no way to it',
  EISDIR: 'it is a folder',
  ENETUNREACH: 'the network has no way to it',
  ENOENT: 'it does not exist',
  ENOTFOUND: 'the resolver of this machine does not know its name',
  EPROTO: 'it does not use TLS',
  ETIMEDOUT: 'no connection in time',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
};

/**
 * Returns what a code of Node.js says of a connection or a file that has failed, with the code:
 * `no program listens there, ECONNREFUSED`; undefined for a code that has no text.
 */
export function systemFailureText(code: string): string | undefined {
  return Object.hasOwn(texts, code) ? `${texts[code]}, ${code}` : undefined;
}
