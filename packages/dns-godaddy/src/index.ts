export { godaddy, type GodaddyOptions } from './godaddy.ts';
