// The screens of the server, its keys and its hosts, which are loaded together.
export { Accounts } from './accounts.tsx';
export { Hosts } from './hosts.tsx';
export { Authority } from './authority.tsx';
export { Keys } from './keys.tsx';
export { Deliveries } from './deliveries.tsx';
export { Audit } from './audit.tsx';
export { Queue } from './queue.tsx';
