import type { ClientDeployStep, Omission } from './client-directory.ts';

/** What only a shell understands. */
const shellSyntax = /[$`|&;<>()*?~#\n\\!{}[\]]|(^|\s)\w+=/;

/**
 * Splits the command line of a hook into program and arguments.
 * @returns undefined for a command line that needs a shell
 */
function words(command: string): readonly string[] | undefined {
  if (shellSyntax.test(command)) return undefined;
  if (/["']/.test(command.replaceAll(/'[^']*'|"[^"]*"/g, ''))) return undefined;
  const split = command.match(/(?:[^\s"']|'[^']*'|"[^"]*")+/g) ?? [];
  return split.map((word) => word.replaceAll(/'([^']*)'|"([^"]*)"/g, '$1$2'));
}

/** What a client runs, and under which setting. */
export interface HookSetting {
  readonly setting: string;
  readonly command: string | undefined;
  /** `hook`: for each new certificate. `after`: once at the end of a run. */
  readonly when: 'hook' | 'after';
}

/** Returns hooks as deploy steps, and those that need a shell as omissions. */
export function hookSteps(settings: readonly HookSetting[]): {
  readonly deploy: readonly ClientDeployStep[];
  readonly omitted: readonly Omission[];
} {
  const deploy: ClientDeployStep[] = [];
  const omitted: Omission[] = [];
  for (const { setting, command, when } of settings) {
    if (command === undefined || command.trim() === '') continue;
    const program = words(command);
    if (!program || program.length === 0)
      omitted.push({
        setting,
        reason:
          'it needs a shell, and hooks run without one: put the commands into a program, and name it with acmex obtain --deploy-hook',
      });
    else deploy.push(when === 'hook' ? { hook: program } : { after: program });
  }
  return { deploy, omitted };
}
