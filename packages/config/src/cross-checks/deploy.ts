import { isTable } from '../settings.ts';
import { certificates, type Check, unknownName } from './check.ts';

/** Checks that certificates name existing deploy targets. */
export const deployTargets: Check = (settings) => {
  const tables = settings.table['deploy'];
  const names = isTable(tables) ? Object.keys(tables) : [];
  return certificates(settings).flatMap(({ deploy_to: targets }, at) =>
    (Array.isArray(targets) ? targets : []).map((name: unknown, index) =>
      typeof name === 'string' && !names.includes(name)
        ? unknownName(settings, ['certificates', at, 'deploy_to', index], name, names, 'deploy')
        : undefined,
    ),
  );
};
