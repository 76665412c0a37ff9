import { parseListenAddress } from '@acmex/identifier';
import * as z from 'zod';
import type { CredentialKey } from '../credential.ts';
import { keyPathOf } from '../dns/kind.ts';
import { argv, listenAddress, ownName, seconds } from '../keys.ts';
import { optionValue } from '../option-value.ts';
import type { Secret } from '../secret.ts';
import type { DeployKind, DeployOption } from './kind.ts';
import { deployKinds } from './kinds.ts';

/** What an option of a deploy target can be. */
export type DeployOptionValue =
  | string
  | number
  | boolean
  | Secret
  | readonly string[]
  | Readonly<Record<string, Secret>>
  | undefined;

/** A deploy target as `[deploy.NAME]` describes it. */
export interface DeployTargetDescription {
  /** One of `deployTargetTypes`. */
  readonly type: string;
  readonly probe?: string | undefined;
  readonly probe_timeout_secs: number;
  readonly hook?: readonly [string, ...string[]] | undefined;
  /** The options of its type. */
  readonly [key: string]: DeployOptionValue;
}

/** The kinds of deploy targets, in the order of the reference. */
export const deployTargetTypes: readonly string[] = deployKinds.map(({ type }) => type);

/** `[deploy.NAME]`: its options are those of its type. */
export function deployTable(secret: CredentialKey) {
  const entries = deployKinds.map((kind) =>
    z.strictObject({
      type: z.literal(kind.type).meta({ description: 'The kind of target.' }),
      probe: listenAddress(
        'HOST:PORT of a server that must serve the new certificate; if it does not, the former certificate is put back.',
      ).optional(),
      probe_timeout_secs: seconds(
        'How long the server of probe may take to serve the certificate.',
        1,
        3600,
      ).default(30),
      hook: argv(
        'Runs after the certificate is put there, and after the former one is put back.',
      ).optional(),
      ...Object.fromEntries(kind.options.map((option) => [keyOf(option), valueOf(option, secret)])),
    }),
  );
  const error = `write type = one of ${deployTargetTypes.map((type) => `"${type}"`).join(', ')}`;
  // There is a kind at least, and every one has its own type.
  const target = z.discriminatedUnion('type', entries as unknown as [(typeof entries)[number]], {
    error,
  }) as unknown as z.ZodType<DeployTargetDescription>;
  return z.record(ownName('The name that certificates use.'), target);
}

/** Returns an option as acmex.toml calls it. */
export function keyOf(option: DeployOption): string {
  return keyPathOf(option)[0];
}

function valueOf(option: DeployOption, secret: CredentialKey) {
  const value = optionValue(option, `${option.description}.`, secret);
  return option.optional ? value.optional() : value;
}

/** The server that must serve a certificate after it was deployed to a target. */
export interface DeployProbe {
  readonly host: string;
  readonly port: number;
  readonly within: { readonly seconds: number };
}

/** Returns the server of `probe`; undefined where there is none. */
export function deployProbeOf({
  probe,
  probe_timeout_secs: timeout,
}: DeployTargetDescription): DeployProbe | undefined {
  if (probe === undefined) return undefined;
  const { host = '::1', port } = parseListenAddress(probe);
  return { host, port, within: { seconds: timeout } };
}

/** A kind of deploy target. */
export interface DeployTargetKind extends Pick<DeployKind, 'type' | 'title' | 'package' | 'links'> {
  readonly options: readonly DeployTargetOption[];
}

export interface DeployTargetOption {
  /** As acmex.toml calls it. */
  readonly name: string;
  readonly required: boolean;
  readonly credential: boolean;
  readonly meaning: string;
}

/** Every kind, with its options. */
export function deployTargetKinds(): readonly DeployTargetKind[] {
  return deployKinds.map(({ type, title, package: name, links, options }) => ({
    type,
    title,
    package: name,
    links,
    options: options.map((option) => ({
      name: keyOf(option),
      required: !option.optional,
      credential: option.secret ?? option.format === 'settings',
      meaning: `${option.description}.`,
    })),
  }));
}
