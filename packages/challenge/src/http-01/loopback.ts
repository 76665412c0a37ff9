import { type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { challengePath } from './live-tokens.ts';

const longest = 4096;

/**
 * What a listener of this machine shows under a token's path; of a long body the begin.
 * @returns undefined where it answers anything but 200
 * @throws the signal's reason; the error of the connection where none came about
 */
export async function bodyAt(
  { address, port }: Pick<AddressInfo, 'address' | 'port'>,
  token: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  // A listener on `::` takes IPv4 too, and many containers have no `::1`.
  const host = address === '::' || address === '0.0.0.0' ? '127.0.0.1' : address;
  try {
    return await get(host, port, challengePath + token, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

async function get(
  host: string,
  port: number,
  path: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ host, port, path, agent: false, signal }, resolve).on('error', reject).end();
  });
  if (response.statusCode !== 200) return void response.destroy();
  let text = '';
  for await (const part of response.setEncoding('utf8')) {
    text += part;
    if (text.length > longest) break;
  }
  return text;
}
