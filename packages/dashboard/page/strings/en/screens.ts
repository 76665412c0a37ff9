// What is loaded with the first screen.
export { search } from './search.ts';
export { overview } from './overview.ts';
export { certificates } from './certificates.ts';
export { calendar } from './calendar.ts';
export { certificate } from './certificate.ts';
export { order } from './order.ts';
export { orders } from './orders.ts';
export { newCertificate } from './new-certificate.ts';
export { templates } from './templates.ts';
export { accounts } from './accounts.ts';
export { hosts } from './hosts.ts';
export { keys } from './keys.ts';
export { deliveries } from './deliveries.ts';
export { audit } from './audit.ts';
export { queue } from './queue.ts';
export { authority } from './authority.ts';
