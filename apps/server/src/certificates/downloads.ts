import { storedPem } from '@acmex/certificate';
import {
  bundleFormatNames,
  bundleFormats,
  exportBundle,
  type ExportRequest,
} from '@acmex/certificate/formats';
import type { Clock } from '@acmex/clock';
import {
  type ChainWithKey,
  chooseChain,
  chooseKey,
  type ManagedCertificate,
} from '@acmex/orchestrator';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import { CLOCK } from '../clock.ts';
import type { Caller } from '../access/caller.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { certificateId, keyType } from '../http/fields.ts';
import { LongPoll, requestedWait } from './long-poll.ts';
import { contentInUse, visible } from './visible.ts';

const params = z.strictObject({ id: certificateId });
const pem = {
  description: 'PEM.',
  contentType: 'application/pem-certificate-chain',
  headers: { ETag: 'Changes with each issue.' },
};
const unchanged = { description: 'It is the one that `If-None-Match` names.' };
export const wantedChain = z
  .string()
  .min(1)
  .max(255)
  .describe(
    'The chain: its number in `current.chains`, where 1 is the chain in use; the common name of the issuer that it ends in; or the SHA-256 fingerprint of any certificate in it.',
  );
export const wantedKeyType = keyType.describe(
  'Of a certificate with two key types, the one that is wanted; `keyType` of the certificate by default.',
);
const query = z.strictObject({
  wait: z.coerce
    .number()
    .int()
    .min(0)
    .max(60)
    .optional()
    .describe(
      'Seconds to wait for one that `If-None-Match` does not name; `Prefer: wait=` says the same.',
    ),
  chain: wantedChain.optional(),
  keyType: wantedKeyType.optional(),
});
/** A header: URLs are logged by proxies. */
const passphraseHeader = 'acmex-passphrase';
const chainFormats = bundleFormatNames.filter(
  (name) => !bundleFormats[name].hasKey && bundleFormats[name].passphrase === 'none',
);
const chain = endpoint({
  method: 'GET',
  path: '/api/certificates/:id/chain',
  scope: 'certificates:read',
  summary: 'Get the certificate with its chain',
  params,
  query: query.extend({
    format: z
      .enum(chainFormats)
      .optional()
      .describe(`\`pem\` by default. The content type is that of the format.`),
  }),
  waits: 'answer',
  answers: { 200: pem, 304: unchanged },
});
const privateKey = endpoint({
  method: 'GET',
  path: '/api/certificates/:id/private-key',
  scope: 'private-keys:read',
  summary: 'Get the private key; each reading is an event',
  params,
  query: z.strictObject({ keyType: wantedKeyType.optional() }),
  answers: { 200: { ...pem, description: 'PKCS#8, PEM.', contentType: 'application/x-pem-file' } },
});
const bundle = endpoint({
  method: 'GET',
  path: '/api/certificates/:id/bundle',
  scope: 'private-keys:read',
  summary: 'Get private key, certificate and chain in one',
  params,
  query: query.extend({
    format: z
      .enum(bundleFormatNames)
      .optional()
      .describe(
        `\`combined\` by default. The content type is that of the format. The header \`Acmex-Passphrase\` has the passphrase that encrypts it, in ASCII.`,
      ),
  }),
  waits: 'answer',
  answers: {
    200: {
      ...pem,
      description: 'PKCS#8 and certificates, PEM. Each reading of the key is an event.',
      contentType: 'application/x-pem-file',
    },
    304: unchanged,
  },
});
type Download = RequestOf<typeof chain> | RequestOf<typeof bundle>;
interface FileOptions extends Pick<ExportRequest, 'format' | 'passphrase'> {
  /** See `chooseChain`; the chain in use by default. */
  readonly chain: string | undefined;
  /** See `chooseKey`. */
  readonly keyType?: string | undefined;
}

interface Downloaded {
  readonly certificate: ManagedCertificate;
  readonly tag: string;
  /** Whether the caller has this version already. */
  readonly isKnown: boolean;
}

/** Certificates and private keys as files. */
@Injectable()
export class Downloads {
  readonly #longPoll: LongPoll;
  readonly #clock: Clock;

  constructor(@Inject(LongPoll) longPoll: LongPoll, @Inject(CLOCK) clock: Clock) {
    this.#clock = clock;
    this.#longPoll = longPoll;
  }

  @Handles(chain)
  async chain(request: RequestOf<typeof chain>): Promise<Answer> {
    const { caller } = request;
    const { certificate, tag, isKnown } = await this.#read(request);
    if (isKnown) return answer(304, undefined, { etag: tag });
    const { format = 'pem', chain: wanted, keyType: type } = request.query;
    const content = chooseKey(await contentInUse(caller, certificate), type);
    return answer(200, await fileOf(content, { format, chain: wanted }), {
      'content-type': bundleFormats[format].mediaType,
      etag: tag,
    });
  }

  @Handles(privateKey)
  async privateKey({
    caller,
    params: { id },
    query: { keyType: type },
  }: RequestOf<typeof privateKey>): Promise<Answer> {
    const certificate = await visible(caller, id);
    const content = chooseKey(await contentInUse(caller, certificate), type);
    const pem = storedPem(content.privateKey, `the key of ${id}`);
    await recordKeyReading(caller, certificate);
    return answer(200, pem, {
      'content-type': 'application/x-pem-file',
      etag: tagOf(certificate),
      'cache-control': 'no-store',
    });
  }

  @Handles(bundle)
  async bundle(request: RequestOf<typeof bundle>): Promise<Answer> {
    const { caller } = request;
    const { certificate, tag, isKnown } = await this.#read(request);
    if (isKnown) return answer(304, undefined, { etag: tag, 'cache-control': 'no-store' });
    const { format = 'combined', chain: wanted, keyType: type } = request.query;
    const passphrase = request.headers[passphraseHeader];
    return await this.#file(certificate, caller, {
      format,
      passphrase: typeof passphrase === 'string' ? passphrase : undefined,
      chain: wanted,
      keyType: type,
    });
  }

  async #file(
    certificate: ManagedCertificate,
    caller: Caller,
    options: FileOptions,
  ): Promise<Answer> {
    const content = chooseKey(await contentInUse(caller, certificate), options.keyType);
    const { hasKey, mediaType } = bundleFormats[options.format];
    if (hasKey) storedPem(content.privateKey, `the key of ${certificate.id}`);
    const file = await fileOf(content, options);
    if (hasKey) await recordKeyReading(caller, certificate);
    return answer(200, file, {
      'content-type': mediaType,
      etag: tagOf(certificate),
      'cache-control': 'no-store',
    });
  }

  /**
   * Returns a certificate; where the request waits, a version that `If-None-Match` does not name,
   * once there is one.
   */
  async #read(request: Download): Promise<Downloaded> {
    const {
      caller,
      params: { id },
      headers,
    } = request;
    const version = (certificate: ManagedCertificate): Downloaded => ({
      certificate,
      tag: tagOf(certificate),
      isKnown: certificate.current !== undefined && isNamed(tagOf(certificate)),
    });
    const isNamed = (tag: string | undefined) =>
      tag !== undefined && names(headers['if-none-match'], tag);
    const seconds = requestedWait(request.query.wait, headers.prefer);
    const now = version(await visible(caller, id));
    if (seconds === 0 || !now.isKnown) return now;
    const { name: tenant, manager } = caller.tenant;
    const read = async () => {
      const stored = await manager.provisioner.certificates.find(id);
      return stored && tagOf(stored);
    };
    const { signal } = request;
    await this.#longPoll.until({ tenant, id, read, isKnown: isNamed, seconds, signal });
    await request.reauthenticate();
    return version(await visible(caller, id));
  }
}

async function recordKeyReading(
  { id: actor, tenant: { manager } }: Caller,
  certificate: ManagedCertificate,
): Promise<void> {
  await manager.provisioner.certificates.recordKeyReading(certificate, actor);
}

/** Returns a certificate in a format. @throws the errors of `chooseChain` and `exportBundle` */
async function fileOf(
  content: ChainWithKey,
  { chain: wanted, format, passphrase }: FileOptions,
): Promise<Buffer> {
  const { privateKey } = content;
  const chain = wanted === undefined ? content.chain : chooseChain(content, wanted);
  if (format === 'pem' && passphrase === undefined) return Buffer.from(chain);
  const bytes = await exportBundle({ chain, privateKey, format, passphrase });
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function tagOf({ current }: ManagedCertificate): string {
  return `"${current?.generation ?? 0}-${current?.serialNumber ?? ''}"`;
}

/** RFC 9110 §13.1.2 */
function names(header: string | undefined, tag: string): boolean {
  return (
    header === '*' ||
    (header ?? '').split(',').some((value) => value.trim().replace(/^W\//, '') === tag)
  );
}
