import { parseChain } from '@acmex/certificate';
import { type Bundle, type Deployed, deployFiles, hookEnvironment, probe, runHook, type Target } from '@acmex/deploy';
import type { Deployer, Generation, JsonObject, ManagedCertificate } from '@acmex/orchestrator';
import { CliError } from '../errors.ts';

/**
 * Does what `obtain` was told to do with each new certificate, in the order of its record: files, then hooks, then probes. All of it
 * can be repeated, and is, until it succeeds.
 */
export function deployer({ env }: { readonly env: Readonly<Record<string, string | undefined>> }): Deployer {
  return {
    async deploy(certificate, generation, { signal }) {
      const bundle = bundleOf(certificate, generation);
      let paths: Deployed['paths'] = {};
      for (const step of certificate.deploy ?? []) {
        if (isTarget(step)) paths = { ...paths, ...(await deployFiles(step, bundle)).paths };
        else if (isHook(step)) await runHook(step.hook, { env: hookEnvironment('deploy', { bundle, paths, environment: env }), signal });
        else if (isProbe(step)) await probe(bundle.serialNumber, { ...step.probe, serverName: serverName(certificate, step.probe.host), signal });
        else throw new CliError('ERR_CLI_FILE', `${certificate.id} goes to a kind of place that this version does not know: update it`);
      }
    },
  };
}

function bundleOf({ id, names, current }: ManagedCertificate, { chain, privateKey }: Generation): Bundle {
  const [leaf] = parseChain(chain);
  return { id, names, serialNumber: leaf?.serialNumber ?? '', notAfter: current?.notAfter ?? '', chain, privateKey };
}

/** A server may be reached by another name than those of the certificate. */
function serverName({ names }: ManagedCertificate, host: string): string {
  return names.includes(host) ? host : names.find((name) => !name.startsWith('*.')) ?? host;
}

// What `obtain` wrote into the record, and nothing else does.
function isTarget(step: JsonObject): step is JsonObject & Target {
  return typeof step.directory === 'string' || typeof step.certPath === 'string' || typeof step.keyPath === 'string';
}

function isHook(step: JsonObject): step is JsonObject & { readonly hook: readonly string[] } {
  return Array.isArray(step.hook);
}

function isProbe(step: JsonObject): step is JsonObject & { readonly probe: { readonly host: string; readonly port: number } } {
  return typeof step.probe === 'object' && step.probe !== null && 'host' in step.probe;
}
