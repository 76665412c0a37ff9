export {
  type ConnectionLimits,
  type ListenOptions,
  type RunningAcmeServer,
  serveAcme,
  type ServeAcmeOptions,
} from './serve-acme.ts';
