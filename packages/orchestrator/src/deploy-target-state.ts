import { records, schemaCheck, type Storage, untilWritten } from '@acmex/storage';
import * as z from 'zod';

/** What is stored about one certificate at one deploy target. */
export interface DeployTargetState {
  /** The generation that the target took last, and that was confirmed. */
  readonly generation?: number | undefined;
  /** What the target keeps about the certificate. */
  readonly memory?: string | undefined;
}

const states = records<DeployTargetState>({
  kind: 'deploy target state',
  version: 1,
  check: schemaCheck(
    z.looseObject({ generation: z.int().min(1).optional(), memory: z.string().optional() }),
  ),
  under: 'deploy-target',
  secret: true,
});

/** A managed certificate at a deploy target. */
export interface DeployTargetPlace {
  /** The id of the certificate. */
  readonly certificate: string;
  /** The name of the target. */
  readonly target: string;
}

const idOf = ({ certificate, target }: DeployTargetPlace) => `${certificate}/${target}`;

/** Returns what is stored; nothing for a target that never took the certificate. */
export async function deployTargetState(
  storage: Storage,
  place: DeployTargetPlace,
): Promise<DeployTargetState> {
  return (await states.read(storage, idOf(place)))?.record ?? {};
}

/** Stores what changed; the rest stays. */
export async function keepDeployTargetState(
  storage: Storage,
  place: DeployTargetPlace,
  changes: DeployTargetState,
): Promise<void> {
  await untilWritten(async () => {
    const stored = await states.read(storage, idOf(place));
    await storage.write([
      stored
        ? states.changed(stored, { ...stored.record, ...changes })
        : states.added(idOf(place), changes),
    ]);
  });
}

/** Returns the keys of all that is stored about a certificate at deploy targets. */
export async function deployTargetKeys(
  storage: Storage,
  certificate: string,
): Promise<readonly string[]> {
  const keys = [];
  for await (const { key } of states.list(storage, { under: certificate })) keys.push(key);
  return keys;
}
