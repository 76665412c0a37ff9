export { apiDescription } from './api-description.ts';
export type { Log } from './log.ts';
export type { OpenApi } from './http/open-api.ts';
export { type RunningServer, serve, type ServeOptions } from './serve.ts';
export type { Role } from './team/role.ts';
