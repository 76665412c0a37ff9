import type { TargetMemory } from '@acmex/deploy';
import type { ServerFile } from './certificate-files.ts';

/** A deployment that has begun, and what its files had before. */
export interface UnfinishedDeployment {
  /** Of the certificate that is deployed. */
  readonly serialNumber: string;
  readonly before: readonly ServerFile[];
}

/**
 * Remembers a deployment before the first file is written: a process that ends between two files
 * leaves a certificate and the key of another one, and nothing else knows what was there.
 */
export async function rememberUnfinished(
  memory: TargetMemory,
  { serialNumber, before }: UnfinishedDeployment,
): Promise<void> {
  const files = before.map(({ path, content }) => [
    path,
    content ? Buffer.from(content).toString('base64') : null,
  ]);
  await memory.write(JSON.stringify({ serialNumber, files }));
}

/** Forgets a deployment that has ended, and the former key with it. */
export async function forgetUnfinished(memory: TargetMemory): Promise<void> {
  if (((await memory.read()) ?? '') !== '') await memory.write('');
}

/**
 * Returns the deployment to these files that has begun and not ended; undefined where there is
 * none, also where a target of another type or with other paths wrote the memory.
 */
export async function readUnfinished(
  memory: TargetMemory,
  files: readonly ServerFile[],
): Promise<UnfinishedDeployment | undefined> {
  const stored = storedDeployment((await memory.read()) ?? '');
  const paths = stored?.files.map(([path]) => path);
  if (!stored || paths?.join('\0') !== files.map(({ path }) => path).join('\0')) return undefined;
  const before = files.map((file, index) => {
    const content = stored.files[index]?.[1] ?? undefined;
    return { ...file, content: content === undefined ? undefined : Buffer.from(content, 'base64') };
  });
  return { serialNumber: stored.serialNumber, before };
}

/** As `rememberUnfinished` writes it. */
interface StoredDeployment {
  readonly serialNumber: string;
  readonly files: readonly (readonly [path: string, base64: string | null])[];
}

function storedDeployment(text: string): StoredDeployment | undefined {
  try {
    const value = JSON.parse(text) as Partial<StoredDeployment> | null;
    const { serialNumber, files } = value ?? {};
    return serialNumber === undefined || files === undefined ? undefined : { serialNumber, files };
  } catch {
    return undefined;
  }
}
