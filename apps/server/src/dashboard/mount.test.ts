import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { dashboardFolder, routes } from '@acmex/dashboard';
import { removeFolder, temporaryFolder } from '@acmex/services';
import { describe, expect, it } from '@jest/globals';
import { fastify } from 'fastify';
import type { Log } from '../log.ts';
import { serving } from '../serving.testing.ts';
import { mountDashboard } from './mount.ts';

describe('a server', () => {
  it('serves the page to anybody at the address of each screen', async () => {
    await using server = await serving();
    for (const path of Object.values(routes)) {
      const answer = await server.fetch(path.replace(':id', 'x'));
      expect([path, answer.status]).toEqual([path, 200]);
      expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    }
    expect(server.log.filter((line) => line.includes('dashboard'))).toEqual([]);
  });

  it('has no page with server.dashboard = false', async () => {
    await using server = await serving({ toml: 'dashboard = false' });
    for (const path of ['/', '/certificates', '/assets/main.js'])
      expect((await server.fetch(path)).status).toBe(401);
  });
});

describe('a page that is not built', () => {
  it('is logged with the cure at the start, and served once it is there', async () => {
    await using place = await temporaryFolder('dashboard');
    const folder = join(place.path, 'page');
    await mkdir(folder);
    const log: Parameters<Log>[0][] = [];
    const app = fastify();
    await mountDashboard(app, { log: (entry) => log.push(entry), folder });
    const message =
      'the page of the dashboard is not built: run npm run build, or set server.dashboard = false';
    expect(log).toEqual([
      { level: 'warn', msg: `server.dashboard: ${message}`, code: 'ERR_SERVER_NOT_FOUND' },
    ]);
    const refused = await app.inject('/');
    expect(refused.json()).toMatchObject({ code: 'ERR_SERVER_NOT_FOUND', message });
    await removeFolder(folder);
    await symlink(dashboardFolder(), folder);
    expect((await app.inject('/')).statusCode).toBe(200);
    await app.close();
  });
});
