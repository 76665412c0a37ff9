import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bundledProgram, temporaryFolder } from '@acmex/services';
import { describe, expect, it } from '@jest/globals';
import type { ServersReport } from './vite-servers.testing.ts';

describe('acmex', () => {
  it('serves development, also after a restart, and the preview of a build, and leaves nothing open', async () => {
    await using folder = await temporaryFolder('vite');
    const page = '<p>Hello</p>';
    await writeFile(join(folder.path, 'index.html'), page);
    const program = await bundledProgram(join(import.meta.dirname, 'vite-servers.testing.ts'));
    const { stdout } = await promisify(execFile)(process.execPath, [program, folder.path]);
    const report = JSON.parse(stdout) as ServersReport;
    expect(report).toEqual({
      development: expect.stringContaining(page),
      restarted: expect.stringContaining(page),
      preview: expect.stringContaining(page),
      middleware: false,
    });
  });
});
