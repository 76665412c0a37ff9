import { realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type Check,
  checkFileAccess,
  type CheckResult,
  type Finding,
  finding,
  runChecks,
} from '@acmex/check';
import { systemClock } from '@acmex/clock';
import { storageOf } from '@acmex/config';
import { errorCode, printable } from '@acmex/errors';
import { type Configured, dataDirectory } from '../configuration.ts';
import type { Terminal } from '../terminal.ts';
import { type ServiceUnit, writeBarrier } from './service-unit.ts';
import { type ServiceOptions, serviceOf } from './service-user.ts';

/** What is checked besides, where a check runs as the user of the service. */
export interface ServiceChecks {
  readonly checks: readonly Check[];
  /** Finds what the unit does not permit the service at a path. */
  findingsOfPath(path: string, subject: string): Promise<readonly Finding[]>;
  /** Returns the results of these checks alone. */
  results(signal: AbortSignal): Promise<readonly CheckResult[]>;
}

/** Returns the checks of a service; undefined where the check is not one of a service. */
export async function serviceChecks(
  options: ServiceOptions & Configured,
  terminal: Terminal,
): Promise<ServiceChecks | undefined> {
  const service = await serviceOf(options);
  if (!service) return undefined;
  const findingsOfPath = async (path: string, subject: string) =>
    service.unit ? await barrierFindings(path, subject, service.unit) : [];
  const folder = storageFolder(options, terminal);
  const subject = 'storage';
  const run: Check['run'] = async (signal) => {
    if (folder === undefined) return { skipped: 'the storage is not in files' };
    const ofPath = await findingsOfPath(folder, subject);
    if (await isAbsent(folder)) return { findings: ofPath, saw: `there is no ${folder} yet` };
    const { findings, saw } = await checkFileAccess(folder, { subject, signal });
    return { findings: [...ofPath, ...findings], saw };
  };
  const checks: readonly Check[] = [{ kind: 'storage', subject, run }];
  return {
    checks,
    findingsOfPath,
    results: async (signal) =>
      await runChecks(checks, { clock: terminal.clock ?? systemClock, signal }),
  };
}

function storageFolder({ configuration }: Configured, terminal: Terminal): string | undefined {
  const { place } = storageOf(configuration);
  if (place.kind === 'file') return place.path;
  return place.kind === 'default' ? dataDirectory(terminal) : undefined;
}

async function barrierFindings(
  path: string,
  subject: string,
  unit: ServiceUnit,
): Promise<readonly Finding[]> {
  const existing = await nearestExisting(path);
  const setting = writeBarrier(
    unit,
    join(await withoutLinks(existing), path.slice(existing.length)),
  );
  if (setting === undefined) return [];
  const folder = existing === path ? path : dirname(path);
  const cure =
    setting.startsWith('ProtectHome') || setting.startsWith('Private')
      ? 'use a folder outside, or change the setting in a drop-in'
      : `add ReadWritePaths=${printable(folder, 500)} below [Service]`;
  return [
    finding('ERR_CHECK_SERVICE_PATH', {
      subject,
      saw: `${unit.name} does not write to ${printable(path, 500)} (${setting})`,
      cure: `systemctl edit ${unit.name}: ${cure}.`,
    }),
  ];
}

/** Returns a path, or the nearest folder above it that exists. */
async function nearestExisting(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at))
    if (!(await isAbsent(at)) || at === dirname(at)) return at;
}

/** Whether nothing is at a path. What this user may not see can be there. */
async function isAbsent(path: string): Promise<boolean> {
  return await stat(path).then(
    () => false,
    (error: unknown) => ['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? ''),
  );
}

/** Returns a path without links, as far as this user may see them. */
async function withoutLinks(path: string): Promise<string> {
  return await realpath(path).catch(() => path);
}
