export {
  type ConnectionLimits,
  type ListenOptions,
  type RepositoryListenOptions,
  type RunningAcmeServer,
  serveAcme,
  type ServeAcmeOptions,
} from './serve-acme.ts';
