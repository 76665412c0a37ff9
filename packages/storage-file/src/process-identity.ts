import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Which process, on which machine, since which start of it. */
export interface ProcessIdentity {
  readonly pid: number;
  /**
   * Of the process, in the kernel's ticks since the machine's start; empty where it is not to be
   * had.
   */
  readonly start: string;
  /** Of the machine. */
  readonly boot: string;
  /** The machine, and where there are containers, which. */
  readonly host: string;
}

/** This process. */
export function thisProcess(): ProcessIdentity {
  return { pid: process.pid, start: startOf(process.pid) ?? '', boot: boot(), host: host() };
}

/**
 * Whether a process still runs. Dead is only what is known to be: its pid is gone or belongs to
 * another process by now, or the machine was started since. `elsewhere`: on another machine, or in
 * another container, where no one here can tell.
 */
export function stateOf({
  pid,
  start,
  boot: theirs,
  host: machine,
}: ProcessIdentity): 'alive' | 'dead' | 'elsewhere' {
  if (machine !== host()) return 'elsewhere';
  if (theirs !== boot()) return 'dead';
  if (!exists(pid)) return 'dead';
  const now = startOf(pid);
  return now !== undefined && start !== '' && now !== start ? 'dead' : 'alive';
}

export function parseIdentity(text: string): ProcessIdentity | undefined {
  try {
    const {
      pid,
      start,
      boot: at,
      host: on,
    } = JSON.parse(text) as Readonly<Record<keyof ProcessIdentity, unknown>>;
    return typeof pid === 'number' &&
      typeof start === 'string' &&
      typeof at === 'string' &&
      typeof on === 'string'
      ? { pid, start, boot: at, host: on }
      : undefined;
  } catch {
    return undefined; // it was cut short
  }
}

/** Whether there is a process with this id; 0 is none. */
export function exists(pid: number): boolean {
  if (pid === 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Field 22 of /proc/PID/stat; the second may hold anything, in parentheses. proc(5) */
function startOf(pid: number): string | undefined {
  return text(`/proc/${pid}/stat`)
    ?.replace(/^.*\) /s, '')
    .split(' ')[19];
}

/**
 * Linux says it. Elsewhere a restart of the machine is not noticed, and a pid that is used again
 * counts as its first owner.
 */
export function boot(): string {
  return text('/proc/sys/kernel/random/boot_id')?.trim() ?? 'unknown';
}

function host(): string {
  return [text('/etc/machine-id')?.trim() || hostname(), namespace()]
    .filter((part) => part !== undefined)
    .join(' ');
}

/** Pids of one namespace mean nothing in another. */
function namespace(): string | undefined {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return undefined; // no Linux
  }
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // no such thing on this system
  }
}
