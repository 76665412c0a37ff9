export { powerdns, type PowerdnsOptions } from './powerdns.ts';
