import type { Clock } from '@acmex/clock';
import { deployTargetsIn } from '@acmex/manager';
import {
  certificateStates,
  type CurrentCertificate,
  issuersInOrder,
  type ManagedCertificate,
  type RenewalPlan,
  stateOf,
} from '@acmex/orchestrator';
import * as z from 'zod';
import { challenge, keyType } from '../http/fields.ts';
import type { ServerPaths } from '../http/server-paths.ts';
import { failureSchema, publicFailure } from './failure.ts';

const time = z.string().describe('RFC 3339');

export const certificateSchema = z
  .object({
    id: z.string(),
    names: z.array(z.string()),
    state: z.enum(certificateStates),
    issuer: z.string().describe('The preferred one.'),
    issuers: z
      .array(z.string())
      .describe('All issuers that may issue it, in the order in which they are used.'),
    profile: z.string().optional(),
    preferredChain: z.string().optional(),
    keyType,
    secondKeyType: keyType
      .optional()
      .describe('Of the second key, where both are one certificate: see `current.second`.'),
    reuseKey: z.boolean(),
    challenge: challenge.optional(),
    dnsProvider: z.string().optional(),
    renewBeforeDays: z.number().optional(),
    maintenanceWindows: z
      .array(z.string())
      .optional()
      .describe(
        'The windows in which it is renewed; absent for renewal.maintenance_windows of acmex.toml.',
      ),
    labels: z.record(z.string(), z.string()),
    allowSubsetOfNames: z
      .boolean()
      .optional()
      .describe('Whether names that are not validated again and again are left out.'),
    leftOut: z
      .array(z.object({ name: z.string(), since: time, reason: z.string() }))
      .optional()
      .describe('The names that are not ordered at present, and why; absent for none.'),
    declared: z.boolean().describe('Whether acmex.toml asks for it.'),
    paused: z.boolean(),
    createdAt: time,
    current: z
      .object({
        generation: z.number().int(),
        issuer: z
          .string()
          .optional()
          .describe('The issuer that issued it; absent for one of an early version.'),
        serialNumber: z.string().describe('Lower-case hexadecimal.'),
        notBefore: time,
        notAfter: time,
        issuedAt: time,
        revokedAt: time.optional(),
        second: z
          .object({
            keyType: keyType.optional(),
            serialNumber: z.string().describe('Lower-case hexadecimal.'),
            notBefore: time,
            notAfter: time,
            chains: z.array(z.string()).describe('As `chains`.'),
          })
          .optional()
          .describe('The certificate of the second key, which is in use with the first.'),
        leftOut: z
          .array(z.string())
          .optional()
          .describe('The names that it lacks, because they were left out.'),
        traceparent: z
          .string()
          .optional()
          .describe('The trace of the order that issued it. W3C Trace Context §3.2'),
        warnings: z
          .array(z.string())
          .optional()
          .describe('What was unusual in the chain that the CA sent.'),
        chains: z
          .array(z.string())
          .optional()
          .describe(
            'The common name of the issuer that each stored chain ends in: the chain in use, then the alternates of the CA.',
          ),
      })
      .optional()
      .describe('The certificate that is in use.'),
    renewal: z
      .object({
        at: time,
        window: z
          .object({ start: time, end: time })
          .optional()
          .describe('As the CA suggests it. RFC 9773'),
        explanationUrl: z.string().optional(),
      })
      .optional(),
    failure: failureSchema.optional(),
    deployTo: z
      .array(z.string())
      .describe('The deploy targets of acmex.toml that get it, by their names.'),
    deployed: z.number().int().optional().describe('The generation that is deployed.'),
    deployFailure: failureSchema.optional(),
    order: z.string().optional().describe('The order that is under way.'),
    awaits: z
      .object({
        since: time,
        until: time.optional().describe('Until when the CA accepts them; absent if it is unknown.'),
      })
      .optional()
      .describe('Since when the order waits for DNS records that a person sets; it shows them.'),
  })
  .meta({ id: 'Certificate' });

/** What the CA issued and is not used. */
export const refusedSchema = z
  .object({
    id: z.string(),
    order: z.string().describe('What it was issued for.'),
    at: time,
    code: z.string().describe('Why it is not used.'),
    message: z.string(),
    chain: z.string().describe('PEM, as the CA sent it.'),
  })
  .meta({ id: 'RefusedCertificate' });

/** A certificate as the API shows it: without what only this software's own records mean. */
export function certificateOf(
  certificate: ManagedCertificate,
  { clock, paths }: { readonly clock: Pick<Clock, 'now'>; readonly paths: ServerPaths },
): z.infer<typeof certificateSchema> {
  const {
    id,
    names,
    issuer,
    profile,
    preferredChain,
    keyType: type,
    secondKeyType,
    reuseKey = false,
    proof = {},
    renewBefore,
    maintenanceWindows,
    labels = {},
    declared = false,
    paused,
    createdAt,
    current,
    renewal,
    failure,
    order,
    awaits,
  } = certificate;
  const days = /^P(\d+)D$/.exec(renewBefore ?? '')?.[1];
  return {
    id,
    names: [...names],
    state: stateOf(certificate, clock),
    issuer,
    issuers: [...issuersInOrder(certificate)],
    profile,
    preferredChain: preferredChain || undefined,
    keyType: type,
    secondKeyType,
    reuseKey,
    // The schema would make an error of what is absent.
    challenge:
      proof.challenge === undefined ? undefined : challenge.safeParse(proof.challenge).data,
    dnsProvider: typeof proof.dnsProvider === 'string' ? proof.dnsProvider : undefined,
    renewBeforeDays: days === undefined ? undefined : Number(days),
    maintenanceWindows: maintenanceWindows && [...maintenanceWindows],
    labels,
    declared,
    paused,
    createdAt,
    current: current && currentOf(current),
    renewal: renewal && renewalOf(renewal),
    failure: publicFailure(failure, paths),
    ...deploymentOf(certificate, paths),
    order,
    ...leftOutOf(certificate),
    awaits: awaits && { since: awaits.since, until: awaits.until },
  };
}

function renewalOf({ at, window, explanationUrl }: RenewalPlan) {
  return { at, window, explanationUrl };
}

function deploymentOf(
  { deploy, deployed, deployFailure }: ManagedCertificate,
  paths: ServerPaths,
): Pick<z.infer<typeof certificateSchema>, 'deployTo' | 'deployed' | 'deployFailure'> {
  return {
    deployTo: [...deployTargetsIn(deploy)],
    deployed,
    deployFailure: publicFailure(deployFailure, paths),
  };
}

function leftOutOf({
  allowSubsetOfNames,
  leftOut,
}: ManagedCertificate): Pick<z.infer<typeof certificateSchema>, 'allowSubsetOfNames' | 'leftOut'> {
  return {
    allowSubsetOfNames: allowSubsetOfNames || undefined,
    leftOut: leftOut?.map(({ name, since, reason }) => ({ name, since, reason })),
  };
}

function currentOf({
  warnings,
  chains,
  second,
  leftOut,
  ...current
}: CurrentCertificate): z.infer<typeof certificateSchema>['current'] {
  const { generation, serialNumber, notBefore, notAfter, issuedAt, revokedAt } = current;
  const { traceparent, issuedFor } = current;
  return {
    issuer: issuedFor?.issuer,
    ...{ generation, serialNumber, notBefore, notAfter, issuedAt, revokedAt, traceparent },
    second: second && {
      keyType: issuedFor?.secondKeyType,
      ...{ serialNumber: second.serialNumber, notBefore: second.notBefore },
      ...{ notAfter: second.notAfter, chains: [...second.chains] },
    },
    leftOut: leftOut && [...leftOut],
    warnings: warnings && [...warnings],
    chains: chains && [...chains],
  };
}
