export { ProbeError, type ProbeErrorCode, probeErrors } from './errors.ts';
export {
  anyAddress,
  probe,
  type ProbedAddress,
  probeEachAddress,
  type ProbeOptions,
  type ServedTls,
} from './probe.ts';
export { type StartTlsProtocol, startTlsProtocols } from './starttls.ts';
