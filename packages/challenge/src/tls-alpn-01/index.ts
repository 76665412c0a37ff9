export { tlsAlpn01, type TlsAlpn01Options, type TlsAlpn01Response } from './tls-alpn-01.ts';
