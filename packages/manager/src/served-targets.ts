import { formatHostPort } from '@acmex/identifier';
import type { JsonObject, ManagedCertificate } from '@acmex/orchestrator';
import type { StartTlsProtocol } from '@acmex/probe';
import { deployStepsOf, serverName } from './deployer.ts';

/** A server that should serve a certificate. */
export interface ServedTarget {
  readonly host: string;
  readonly port: number;
  readonly serverName?: string | undefined;
  readonly startTls?: StartTlsProtocol | undefined;
}

/** Returns servers in the form in which a certificate's record holds them; undefined for none. */
export function servedAtRecord(
  servers: readonly Omit<ServedTarget, 'serverName'>[],
): readonly JsonObject[] | undefined {
  const distinct = new Map(servers.map((server) => [placeText(server), server]));
  if (distinct.size === 0) return undefined;
  return JSON.parse(JSON.stringify([...distinct.values()])) as readonly JsonObject[];
}

/** Returns the servers that an operator has named for a certificate, each with the name to send. */
export function namedTargets(
  certificate: Pick<ManagedCertificate, 'names' | 'servedAt'>,
): readonly ServedTarget[] {
  const servers = (certificate.servedAt ?? []) as unknown as readonly ServedTarget[];
  return servers.map((server) => ({
    ...server,
    serverName: serverName(certificate, server.host),
  }));
}

/**
 * Returns the servers that should serve a certificate: those of `servedAt`, else of its probes, or
 * where it has none, its names on port 443.
 */
export function servedTargets(
  certificate: Pick<ManagedCertificate, 'names' | 'deploy' | 'servedAt'>,
): readonly ServedTarget[] {
  const named = namedTargets(certificate);
  if (named.length > 0) return named;
  const probes = deployStepsOf(certificate.deploy).flatMap((step) =>
    'probe' in step
      ? [{ ...step.probe, serverName: serverName(certificate, step.probe.host) }]
      : [],
  );
  if (probes.length > 0) return probes;
  return certificate.names.map((host) => ({ host, port: 443 }));
}

/** Returns a server as the configuration names it: `smtp://mail.example.com:25`. */
export function placeText({ host, port, startTls }: ServedTarget): string {
  return `${startTls === undefined ? '' : `${startTls}://`}${formatHostPort({ host, port })}`;
}
