export { ssh, type SshOptions } from './ssh.ts';
export type { SshConnectionOptions } from './connection.ts';
