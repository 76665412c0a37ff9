export { vault, type VaultOptions } from './vault.ts';
