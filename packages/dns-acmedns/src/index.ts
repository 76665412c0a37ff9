export { acmedns, type AcmednsOptions } from './acmedns.ts';
export { type AcmednsAccount, registerAcmedns, type RegisterOptions } from './account.ts';
