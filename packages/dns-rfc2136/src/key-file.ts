import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { DnsError } from '@acmex/dns';
import type { TsigAlgorithm } from './tsig.ts';

/** A TSIG key as text. */
export interface TsigKeyText {
  readonly name: string;
  readonly algorithm: TsigAlgorithm;
  /** Base64. */
  readonly secret: string;
}

const algorithms: readonly string[] = [
  'hmac-sha1',
  'hmac-sha224',
  'hmac-sha256',
  'hmac-sha384',
  'hmac-sha512',
] satisfies readonly TsigAlgorithm[];

/** The algorithms in `.private` files, by their numbers. */
const numbers: Readonly<Record<string, string>> = {
  157: 'hmac-md5',
  161: 'hmac-sha1',
  162: 'hmac-sha224',
  163: 'hmac-sha256',
  164: 'hmac-sha384',
  165: 'hmac-sha512',
};

/**
 * Reads a key file of BIND: a `key` statement as `tsig-keygen` writes it, or a `.private` file of
 * `dnssec-keygen`, whose name has that of the key (`Kname.+163+12345.private`).
 *
 * @throws DnsError `ERR_DNS_CREDENTIALS`; its message never has the secret
 */
export async function readKeyFile(file: string): Promise<TsigKeyText> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new DnsError(
      'ERR_DNS_CREDENTIALS',
      `rfc2136: the key file ${file} cannot be read: check its path, and who may read it`,
      { cause },
    );
  }
  const { name, algorithm, secret } = /^Private-key-format:/m.test(text)
    ? privateFile(text, file)
    : keyStatement(text);
  if (name === undefined || algorithm === undefined || secret === undefined)
    throw new DnsError(
      'ERR_DNS_CREDENTIALS',
      `rfc2136: the file ${file} is not a key file: write it with tsig-keygen, as key "name" { algorithm hmac-sha256; secret "…"; };`,
    );
  return { name, algorithm: knownAlgorithm(algorithm, name), secret };
}

type Fields = { readonly [Field in keyof TsigKeyText]?: string | undefined };

function keyStatement(text: string): Fields {
  const plain = text.replace(/\/\*[^]*?\*\//g, ' ').replace(/(^|\s)(#|\/\/).*$/gm, '$1');
  const [, name, body = ''] = /\bkey\s+"?([^\s"{]+)"?\s*\{([^}]*)\}/.exec(plain) ?? [];
  const [, algorithm] = /\balgorithm\s+"?([^\s";]+)"?\s*;/.exec(body) ?? [];
  const [, secret] = /\bsecret\s+"?([^\s";]+)"?\s*;/.exec(body) ?? [];
  return { name, algorithm, secret };
}

function privateFile(text: string, file: string): Fields {
  const [, name] = /^K(.+?)\.?\+\d+\+\d+\.private$/.exec(basename(file)) ?? [];
  const [, number = ''] = /^Algorithm:\s*(\d+)/m.exec(text) ?? [];
  const [, secret] = /^Key:\s*(\S+)/m.exec(text) ?? [];
  return { name, algorithm: numbers[number], secret };
}

/** Takes an algorithm in any case and with a final dot, as others write it. */
export function knownAlgorithm(text: string, key: string): TsigAlgorithm {
  const plain = text.toLowerCase().replace(/\.$/, '');
  if (algorithms.includes(plain)) return plain as TsigAlgorithm;
  throw new DnsError(
    'ERR_DNS_CREDENTIALS',
    `rfc2136: the key ${key} has the algorithm ${JSON.stringify(text)}: use one of ${algorithms.join(', ')}`,
  );
}
