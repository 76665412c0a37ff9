import { dirname } from 'node:path';
import type { Bundle } from './bundle.ts';
import type { Deployed } from './directory.ts';

/** The variables of the environment that a hook sees; none is a credential. */
const passedVariables = ['PATH', 'HOME', 'LANG', 'TZ'] as const;

/**
 * Returns the environment of a hook: `ACMEX_*`, and the variables that hooks of certbot and lego
 * read.
 */
export function hookEnvironment(
  event: 'before' | 'deploy' | 'after' | 'on_error',
  {
    bundle,
    paths = {},
    environment,
    error,
  }: {
    readonly bundle?: Bundle | undefined;
    readonly paths?: Deployed['paths'] | undefined;
    readonly environment: Readonly<Record<string, string | undefined>>;
    /** For `on_error`: what went wrong, in one line. */
    readonly error?: string | undefined;
  },
): Readonly<Record<string, string>> {
  const { fullchain, privateKey, secondFullchain, secondPrivateKey } = paths;
  const lineage = paths.lineage ?? (fullchain === undefined ? undefined : dirname(fullchain));
  const [name] = bundle?.names ?? [];
  const all: Readonly<Record<string, string | undefined>> = {
    ...Object.fromEntries(passedVariables.map((name) => [name, environment[name]])),
    ACMEX_EVENT: event,
    ACMEX_ERROR: error,
    ACMEX_CERTIFICATE: bundle?.id,
    ACMEX_NAMES: bundle?.names.join(' '),
    ACMEX_SERIAL: bundle?.serialNumber,
    ACMEX_NOT_AFTER: bundle?.notAfter,
    ACMEX_CERT_PATH: fullchain,
    ACMEX_KEY_PATH: privateKey,
    ACMEX_SECOND_SERIAL: bundle?.second?.serialNumber,
    ACMEX_SECOND_CERT_PATH: secondFullchain,
    ACMEX_SECOND_KEY_PATH: secondPrivateKey,
    RENEWED_LINEAGE: lineage,
    RENEWED_DOMAINS: bundle?.names.join(' '),
    LEGO_HOOK_CERT_DOMAIN: name,
    LEGO_HOOK_CERT_PATH: fullchain,
    LEGO_HOOK_CERT_KEY_PATH: privateKey,
  };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
