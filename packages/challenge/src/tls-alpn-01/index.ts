export type { SharedResponses } from '../shared-responses.ts';
export { certificateAt, serverName } from './server.ts';
export {
  tlsAlpn01,
  tlsAlpn01Answers,
  type TlsAlpn01AnswersOptions,
  tlsAlpn01Contexts,
  type TlsAlpn01Options,
  type TlsAlpn01Response,
  tlsAlpn01Shared,
} from './tls-alpn-01.ts';
