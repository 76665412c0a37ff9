import { errorCode } from '@acmex/errors';
import type { Identifier } from '@acmex/identifier';
import { keyAuthorizationDigest } from '@acmex/protocol';
import type { ValidationResolver } from './resolver.ts';
import { problem, unsupported, type Validation } from './validation.ts';

export interface Dns01Validation {
  /** Without `*.`: a wildcard is proven at the name below it. */
  readonly identifier: Identifier;
  readonly keyAuthorization: string;
  readonly resolver: ValidationResolver;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks for the digest of the key authorization among the TXT records of `_acme-challenge`, of
 * which there may be several. RFC 8555 §8.4
 * @throws the signal's reason
 */
export async function validateDns01({
  identifier,
  keyAuthorization,
  resolver,
  signal,
}: Dns01Validation): Promise<Validation> {
  if (identifier.type !== 'dns') return unsupported('dns-01', identifier);
  return await lookForDigest(`_acme-challenge.${identifier.value}`, {
    keyAuthorization,
    resolver,
    signal,
  });
}

/** The same at another name. */
export async function lookForDigest(
  name: string,
  { keyAuthorization, resolver, signal }: Omit<Dns01Validation, 'identifier'>,
): Promise<Validation> {
  const digest = (await keyAuthorizationDigest(keyAuthorization)).base64url;
  try {
    const values = await resolver.txt(name, { signal });
    const records = [{ type: 'look-up', record: 'TXT', name, recordCount: values.length }] as const;
    if (values.includes(digest)) return { valid: true, records };
    return problem(
      'incorrectResponse',
      values.length === 0
        ? `${name} has no TXT record`
        : `${name} has ${values.length} TXT records, and none is the digest of the key authorization`,
      records,
    );
  } catch (error) {
    signal?.throwIfAborted();
    return problem(
      'dns',
      `TXT of ${name}: the look-up failed (${errorCode(error) ?? 'no code'})`,
      [],
      error,
    );
  }
}
