import { errorCode, errorText } from './thrown.ts';

const texts: Readonly<Record<string, string>> = {
  EACCES: 'ports below 1024 need root or CAP_NET_BIND_SERVICE: use a higher port',
  EADDRINUSE: 'another program uses it: stop that program, or use another port',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no such host',
};

/** Returns why a program cannot listen on an address, and what to do about it. */
export function listenFailureText(error: unknown): string {
  const code = errorCode(error) ?? '';
  return Object.hasOwn(texts, code) ? `${texts[code]}` : errorText(error);
}
