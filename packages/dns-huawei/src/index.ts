export { huawei, type HuaweiOptions } from './huawei.ts';
