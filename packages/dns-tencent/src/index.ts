export { tencent } from './tencent.ts';
export type { TencentOptions } from './tencent-api.ts';
