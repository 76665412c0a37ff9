import { type CertificateInfo, parseChain, sha1Fingerprint, spkiPin } from '@acmex/certificate';
import { namedExtensions, purposeName } from '@acmex/certificate/structure';
import { chooseChain, chooseKey } from '@acmex/orchestrator';
import { Injectable } from '@nestjs/common';
import * as z from 'zod';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { certificateId } from '../http/fields.ts';
import { wantedChain, wantedKeyType } from './downloads.ts';
import { contentInUse, visible } from './visible.ts';

const time = z.string().describe('RFC 3339');
export const memberSchema = z
  .object({
    subject: z
      .string()
      .describe(
        'In the order of the certificate, with the escapes of RFC 4514 §2.4; may be empty.',
      ),
    issuer: z.string().describe('As the subject.'),
    names: z
      .array(z.string())
      .describe(
        'Of its subjectAltName; other names than DNS names and IP addresses have a prefix, such as `email:`.',
      ),
    serialNumber: z.string().describe('Lower-case hexadecimal.'),
    notBefore: time,
    notAfter: time,
    keyType: z.string().describe('As `keyType` of a certificate, or in words.'),
    fingerprint: z.string().describe('SHA-256, lower-case hexadecimal.'),
    sha1Fingerprint: z.string().describe('As old software shows it. Lower-case hexadecimal.'),
    spkiPin: z.string().describe('SHA-256 of the public key, base64. RFC 7469 §2.4'),
    isCa: z.boolean(),
    mustStaple: z.boolean().describe('RFC 7633'),
    purposes: z
      .array(z.string())
      .describe('What its key may be used for; empty for anything. RFC 5280 §4.2.1.12'),
    extensions: z.array(
      z.object({
        id: z.string().describe('The object identifier.'),
        name: z.string().optional().describe('As its RFC writes it.'),
        critical: z.boolean(),
      }),
    ),
  })
  .meta({ id: 'ChainMember' });
const detailsSchema = z
  .object({
    id: z.string(),
    generation: z.number().int(),
    chain: z
      .array(memberSchema)
      .describe(
        'The certificate, then its issuers as the CA sent them: mostly without the root. Their texts are whatever the CA wrote.',
      ),
  })
  .meta({ id: 'CertificateDetails' });

const details = endpoint({
  method: 'GET',
  path: '/api/certificates/:id/details',
  scope: 'certificates:read',
  summary: 'Look into the certificate that is in use and its chain',
  params: z.strictObject({ id: certificateId }),
  query: z.strictObject({ chain: wantedChain.optional(), keyType: wantedKeyType.optional() }),
  answers: { 200: { description: 'What each certificate says.', schema: detailsSchema } },
});

/** What certificates say, for those who read no ASN.1. */
@Injectable()
export class CertificateDetails {
  @Handles(details)
  async details({
    caller,
    params: { id },
    query: { chain: wanted, keyType: type },
  }: RequestOf<typeof details>): Promise<Answer> {
    const certificate = await visible(caller, id);
    const content = chooseKey(await contentInUse(caller, certificate), type);
    const chain = wanted === undefined ? content.chain : chooseChain(content, wanted);
    const generation = certificate.current?.generation ?? 0;
    return answer(200, { id, generation, chain: parseChain(chain).map(memberOf) });
  }
}

export function memberOf(certificate: CertificateInfo): z.infer<typeof memberSchema> {
  const { subject, issuer, identifiers, otherNames, notBefore, notAfter } = certificate;
  const { serialNumber, keyType, fingerprint, isCa, mustStaple } = certificate;
  return {
    subject,
    issuer,
    names: [...identifiers.map(({ value }) => value), ...otherNames],
    serialNumber,
    notBefore: notBefore.toString(),
    notAfter: notAfter.toString(),
    keyType,
    fingerprint,
    sha1Fingerprint: sha1Fingerprint(certificate),
    spkiPin: spkiPin(certificate),
    isCa,
    mustStaple,
    purposes: (certificate.extendedKeyUsage ?? []).map(purposeName),
    extensions: [...namedExtensions(certificate)],
  };
}
