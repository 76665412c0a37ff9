export { kubernetes, type KubernetesOptions } from './kubernetes.ts';
