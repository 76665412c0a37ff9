import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { DnsError, type Secret } from '@acmex/dns';

/**
 * A service account by the key that Google gave for it: the JSON itself, or the file that it is in.
 */
export type ServiceAccountSource =
  { readonly serviceAccount: Secret } | { readonly keyFile: string };

export interface ServiceAccount {
  readonly email: string;
  readonly project: string | undefined;
  readonly tokenUri: string;
  readonly key: KeyObject;
  readonly keyId: string | undefined;
}

/**
 * Reads the key of a service account.
 * @throws DnsError `ERR_DNS_CREDENTIALS` for what is none; it never has any of the key in its
 * message
 */
export async function readServiceAccount(source: ServiceAccountSource): Promise<ServiceAccount> {
  const json = parsed(await textOf(source));
  if (json['type'] !== 'service_account')
    throw refused(
      `it is of type ${JSON.stringify(json['type']) ?? 'unknown'} and not service_account`,
    );
  const text = (name: string) =>
    typeof json[name] === 'string' && json[name] !== '' ? json[name] : undefined;
  const [email, pem] = [text('client_email'), text('private_key')];
  if (email === undefined || pem === undefined)
    throw refused('it lacks client_email or private_key');
  return {
    email,
    project: text('project_id'),
    tokenUri: text('token_uri') ?? 'https://oauth2.googleapis.com/token',
    key: privateKey(pem),
    keyId: text('private_key_id'),
  };
}

async function textOf(source: ServiceAccountSource): Promise<string> {
  try {
    if ('keyFile' in source) return await readFile(source.keyFile, 'utf8');
    return typeof source.serviceAccount === 'string'
      ? source.serviceAccount
      : await source.serviceAccount();
  } catch (cause) {
    throw new DnsError(
      'ERR_DNS_CREDENTIALS',
      `google: the key of the service account cannot be read${'keyFile' in source ? ` from ${source.keyFile}` : ' where it is kept'}: see the cause`,
      { cause },
    );
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null) return { ...json };
  } catch {
    // The parser's own words would quote the key.
  }
  throw refused('it is not a JSON object');
}

function privateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw refused('its private_key is not PEM');
  }
}

function refused(why: string): DnsError {
  return new DnsError(
    'ERR_DNS_CREDENTIALS',
    `google: the key of the service account cannot be used: ${why}: give the JSON file as Google Cloud made it`,
  );
}
