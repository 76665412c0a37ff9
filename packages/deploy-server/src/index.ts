export { haproxy, type HaproxyOptions } from './haproxy.ts';
export { apache, nginx, type WebServerOptions } from './web-server.ts';
