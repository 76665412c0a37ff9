import type { ConfigValues } from './read-config.ts';

/** Returns the names of the destinations that `[audit]` describes. */
export function checkpointDestinationNames(audit: ConfigValues['audit']): readonly string[] {
  return [
    ...(audit.checkpoint_file === undefined ? [] : ['file']),
    ...(audit.checkpoint_syslog === undefined ? [] : ['syslog']),
    ...(audit.checkpoint_webhook === undefined ? [] : ['webhook']),
  ];
}
