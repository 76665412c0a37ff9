import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { localCertificate } from '@acmex/services';
import { rootCertificate, type RootCertificate } from './index.ts';

/** A root whose PEM file is in a folder. All have one subject, as the roots of one CA have. */
export async function rootIn(folder: string, name: string): Promise<RootCertificate> {
  const { caCertificate: pem } = await localCertificate();
  const file = join(folder, `${name}.pem`);
  await writeFile(file, pem);
  return rootCertificate({ pem, file });
}
