import { printable } from '@acmex/errors';
import { AcmeError } from './errors.ts';
import { Members } from './members.ts';

/** What a certificate is for: a domain name (A-labels, lower case, no final dot) or an IP address. RFC 8555 §9.7.7, RFC 8738. */
export interface Identifier {
  /** `dns` or `ip`; a CA may know further types. */
  readonly type: string;
  readonly value: string;
}

/**
 * What a person writes, as an identifier: `example.com`, `*.example.com`, `bücher.example`, `192.0.2.1`, `2001:db8::1`, `[2001:db8::1]`.
 * Unicode names become A-labels (UTS 46), addresses their canonical text.
 * @throws AcmeError `ERR_ACME_IDENTIFIER`, naming the text and what is wrong with it
 */
export function identifier(text: string): Identifier {
  const name = text.trim();
  const refuse = (why: string): never => {
    throw new AcmeError('ERR_ACME_IDENTIFIER', `"${printable(text, 300)}" ${why}`);
  };
  if (name === '') return refuse('is no name: write example.com, *.example.com or an IP address');
  if (name.includes(':'))
    return {
      type: 'ip',
      value:
        ipv6(name) ??
        refuse(
          /:\/\//.test(name)
            ? 'is a URL: write the name alone'
            : 'is neither a name nor an IPv6 address: leave the port away',
        ),
    };
  if (/^[\d.]+$/.test(name))
    return {
      type: 'ip',
      value: /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/.test(name)
        ? (host(name) ?? refuse('is no IPv4 address'))
        : refuse('is no IPv4 address'),
    };
  if (/[^\p{L}\p{N}\p{M}.*_\u200c\u200d-]/u.test(name))
    return refuse('has a character that no domain name has');
  if (/(^|\.)(\d+|0x[\da-f]*)\.?$/i.test(name))
    return refuse('ends in a number, as only an IP address does');
  const wildcard = name.startsWith('*.');
  const ascii =
    host((wildcard ? name.slice(2) : name).replace(/\.$/, '')) ?? refuse('is no domain name');
  if (/(^|\.)\d+$/.test(ascii)) return refuse('ends in a number, as only an IP address does'); // ㊱ is 36 in the eyes of UTS 46
  if (ascii.includes('*'))
    return refuse('has its * in the wrong place: a wildcard is *. before a whole name');
  if (ascii.length > (wildcard ? 251 : 253)) return refuse('is longer than 253 characters');
  const label = ascii.split('.').find((one) => !/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(one));
  if (label !== undefined)
    return refuse(
      label === ''
        ? 'has an empty label: two dots in a row, or one at the begin'
        : `has the label "${printable(label, 70)}", which is not 1 to 63 of a-z, 0-9 and - with no - at either end`,
    );
  return { type: 'dns', value: wildcard ? `*.${ascii}` : ascii };
}

/** The names of a list, each once, in the order given. @throws AcmeError `ERR_ACME_IDENTIFIER` */
export function identifiers(texts: readonly string[]): readonly Identifier[] {
  const seen = new Map(
    texts.map((text) => identifier(text)).map((one) => [`${one.type} ${one.value}`, one]),
  );
  return [...seen.values()];
}

/** An identifier as a CA sent it. */
export function readIdentifier(what: string, json: unknown): Identifier {
  const members = new Members(what, json);
  return { type: members.string('type'), value: members.string('value') };
}

function host(name: string): string | undefined {
  return URL.canParse(`http://${name}/`) ? new URL(`http://${name}/`).hostname : undefined;
}

function ipv6(text: string): string | undefined {
  const bare = text.replace(/^\[(.*)\]$/, '$1');
  return /^[0-9a-f:.]+$/i.test(bare) ? host(`[${bare}]`)?.slice(1, -1) : undefined;
}
