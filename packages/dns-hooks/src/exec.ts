import { spawn } from 'node:child_process';
import { type Clock, type DurationInput, systemClock, withTimeLimit } from '@acmex/clock';
import { DnsError, type DnsOptions, type DnsProvider, recordName } from '@acmex/dns';

export interface ExecHookOptions {
  /** The program; called as `PROGRAM present NAME VALUE` and `PROGRAM cleanup NAME VALUE`, NAME with its final dot. */
  readonly program: string;
  /** What it sees of the environment. */
  readonly env: Readonly<Record<string, string>>;
  /** For one call; 2 minutes by default. */
  readonly limit?: DurationInput;
  readonly clock?: Clock;
}

/**
 * TXT records by a program, with the arguments that lego's `exec` provider gives. No shell is in between.
 * It is to succeed for a value that is there already, or gone already.
 * @throws DnsError `ERR_DNS_HOOK` with what the program wrote, when it ends with anything but 0 or takes too long
 */
export function execHook({ program, env, limit = 'PT2M', clock = systemClock }: ExecHookOptions): DnsProvider {
  const each = async (action: 'present' | 'cleanup', zone: string, records: Parameters<DnsProvider['append']>[1], { signal }: DnsOptions = {}) => {
    for (const record of records) {
      const args = [action, `${recordName(zone, record)}.`, record.value];
      await withTimeLimit({ clock, limit, signal }, (limited) => call(program, args, env, limited)).catch((error: unknown) => {
        signal?.throwIfAborted();
        throw error instanceof Error && error.name === 'DnsError' ? error : new DnsError('ERR_DNS_HOOK', `the hook ${program} ${args.join(' ')} did not end within its time limit`, { cause: error });
      });
    }
  };
  return {
    name: 'exec',
    wholeNames: true,
    append: (zone, records, options) => each('present', zone, records, options),
    remove: (zone, records, options) => each('cleanup', zone, records, options),
  };
}

async function call(program: string, args: readonly string[], env: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'], shell: false });
    const written: Buffer[] = [];
    const keep = (text: Buffer) => { if (written.length < 100) written.push(text); };
    const stop = () => child.kill('SIGKILL');
    const end = (error?: unknown) => {
      signal.removeEventListener('abort', stop);
      if (error === undefined) resolve();
      else reject(error);
    };
    signal.addEventListener('abort', stop, { once: true });
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (cause: NodeJS.ErrnoException) => end(new DnsError('ERR_DNS_HOOK', `the hook ${program} cannot be started (${cause.code ?? cause.message}): check its path, and that it is executable`, { cause })));
    child.once('close', (code, killed) => {
      if (signal.aborted) return end(signal.reason);
      const output = Buffer.concat(written).toString().trim().slice(-500);
      end(code === 0 ? undefined : new DnsError('ERR_DNS_HOOK', `the hook ${program} ${args.join(' ')} ended with ${code ?? killed}${output ? `: ${JSON.stringify(output)}` : ''}`));
    });
  });
}
