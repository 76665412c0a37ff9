import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { DnsError, type Secret, unreadableText } from '@acmex/dns';

/** Credentials in JSON as Google Cloud makes them: the JSON itself, or the file that it is in. */
export type CredentialSource = { readonly serviceAccount: Secret } | { readonly keyFile: string };

/** The key of a service account. */
export interface ServiceAccount {
  readonly type: 'service_account';
  readonly email: string;
  readonly project: string | undefined;
  readonly tokenUri: string;
  readonly key: KeyObject;
  readonly keyId: string | undefined;
}

/** What `gcloud auth application-default login` writes for a person. */
export interface AuthorizedUser {
  readonly type: 'authorized_user';
  readonly clientId: string;
  readonly clientSecret: string;
  readonly refreshToken: string;
  readonly tokenUri: string;
}

/** A workload identity: a token of another provider, which Google exchanges. */
export interface ExternalAccount {
  readonly type: 'external_account';
  readonly audience: string;
  readonly subjectTokenType: string;
  readonly tokenUrl: string;
  /** The file that has the token; as JSON in this field, or as text. */
  readonly tokenFile: string;
  readonly tokenField: string | undefined;
  readonly impersonationUrl: string | undefined;
}

/** A service account that other credentials can act as. */
export interface ImpersonatedAccount {
  readonly type: 'impersonated_service_account';
  readonly source: GoogleCredential;
  readonly impersonationUrl: string;
}

export type GoogleCredential =
  ServiceAccount | AuthorizedUser | ExternalAccount | ImpersonatedAccount;

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads credentials of Google Cloud.
 *
 * @throws DnsError `ERR_DNS_CREDENTIALS` for anything else; its message never has a secret
 * @see https://docs.cloud.google.com/docs/authentication/application-default-credentials
 */
export async function readCredential(source: CredentialSource): Promise<GoogleCredential> {
  return credentialOf(parsed(await textOf(source)));
}

function credentialOf(json: Json): GoogleCredential {
  switch (json['type']) {
    case 'service_account':
      return serviceAccount(json);
    case 'authorized_user':
      return {
        type: 'authorized_user',
        clientId: needed(json, 'client_id'),
        clientSecret: needed(json, 'client_secret'),
        refreshToken: needed(json, 'refresh_token'),
        tokenUri: secureUrl(json, 'token_uri') ?? 'https://oauth2.googleapis.com/token',
      };
    case 'external_account':
      return externalAccount(json);
    case 'impersonated_service_account':
      return {
        type: 'impersonated_service_account',
        source: credentialOf(objectIn(json, 'source_credentials')),
        impersonationUrl: neededUrl(json, 'service_account_impersonation_url'),
      };
    default:
      throw refused(
        `their type is ${JSON.stringify(json['type']) ?? 'unknown'}, and not service_account, authorized_user, external_account or impersonated_service_account`,
      );
  }
}

function serviceAccount(json: Json): ServiceAccount {
  return {
    type: 'service_account',
    email: needed(json, 'client_email'),
    key: privateKey(needed(json, 'private_key')),
    project: text(json, 'project_id'),
    tokenUri: secureUrl(json, 'token_uri') ?? 'https://oauth2.googleapis.com/token',
    keyId: text(json, 'private_key_id'),
  };
}

function externalAccount(json: Json): ExternalAccount {
  const source = objectIn(json, 'credential_source');
  const tokenFile = text(source, 'file');
  if (tokenFile === undefined)
    throw refused('their credential_source names no file: have the token written to a file');
  const format = source['format'] === undefined ? {} : objectIn(source, 'format');
  return {
    type: 'external_account',
    audience: needed(json, 'audience'),
    subjectTokenType: needed(json, 'subject_token_type'),
    tokenUrl: neededUrl(json, 'token_url'),
    tokenFile,
    tokenField: format['type'] === 'json' ? needed(format, 'subject_token_field_name') : undefined,
    impersonationUrl: secureUrl(json, 'service_account_impersonation_url'),
  };
}

async function textOf(source: CredentialSource): Promise<string> {
  try {
    if ('keyFile' in source) return await readFile(source.keyFile, 'utf8');
    return typeof source.serviceAccount === 'string'
      ? source.serviceAccount
      : await source.serviceAccount();
  } catch (cause) {
    throw new DnsError(
      'ERR_DNS_CREDENTIALS',
      `google: the credentials cannot be read${'keyFile' in source ? ` from ${source.keyFile}` : ''} (${unreadableText(cause)}): check where they are stored, and who may read them`,
      { cause },
    );
  }
}

function parsed(content: string): Json {
  try {
    const json: unknown = JSON.parse(content);
    if (typeof json === 'object' && json !== null) return { ...json };
  } catch {
    // The parser's own words would quote the key.
  }
  throw refused('they are not a JSON object');
}

function text(json: Json, name: string): string | undefined {
  const value = json[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function needed(json: Json, name: string): string {
  const value = text(json, name);
  if (value === undefined) throw refused(`they have no ${name}`);
  return value;
}

function objectIn(json: Json, name: string): Json {
  const value = json[name];
  if (typeof value !== 'object' || value === null) throw refused(`they have no ${name}`);
  return { ...value };
}

/** Secrets are sent there. */
function secureUrl(json: Json, name: string): string | undefined {
  const value = text(json, name);
  if (value !== undefined && !/^https:\/\/[^/]/.test(value))
    throw refused(`their ${name} is not an https URL`);
  return value;
}

function neededUrl(json: Json, name: string): string {
  needed(json, name);
  return secureUrl(json, name) ?? '';
}

function privateKey(pem: string): KeyObject {
  const key = readKey(pem);
  // Google Cloud makes RSA keys only; Node.js may end the process at the details of others.
  if (key?.asymmetricKeyType !== 'rsa') throw refused('their private_key is not an RSA key in PEM');
  return key;
}

function readKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined; // what OpenSSL says may quote the key
  }
}

function refused(why: string): DnsError {
  return new DnsError(
    'ERR_DNS_CREDENTIALS',
    `google: the credentials cannot be used: ${why}: use the JSON file as Google Cloud made it`,
  );
}
