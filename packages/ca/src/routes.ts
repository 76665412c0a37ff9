import { ordersOf } from './account-orders.ts';
import { account, newAccount } from './accounts.ts';
import type { Answer } from './answer.ts';
import { empty } from './answer.ts';
import { authorization, newAuthorization } from './authorizations.ts';
import { certificate } from './certificates.ts';
import { challenge } from './challenges.ts';
import { crl, issuerCertificate, rootCrl } from './crl.ts';
import { directory } from './directory.ts';
import { finalize } from './finalize.ts';
import { keyChange } from './key-change.ts';
import { largestOcspRequest, ocspByGet, ocspByPost } from './ocsp.ts';
import { newOrder, order } from './orders.ts';
import { renewalInfo } from './renewal-info.ts';
import { revokeCert } from './revocation.ts';
import type { Service } from './service.ts';
import type { SignedByAccount, SignedRequest } from './signed-request.ts';

type Parameters = Readonly<Record<string, string>>;
type Answered = Answer | Promise<Answer>;

/** What can be asked for, and who must sign for it: there is nothing else. */
export type Route = { readonly path: RegExp } & (
  | {
      readonly signedBy: 'none';
      readonly methods: readonly string[];
      readonly nonce?: true;
      /** Answers a POST that is not of ACME, with its body. */
      readonly answerBody?: {
        /** Bytes. */
        readonly largest: number;
        readonly answer: (service: Service, body: Uint8Array) => Answered;
      };
      readonly answer: (service: Service, parameters: Parameters, method: string) => Answered;
    }
  | {
      readonly signedBy: 'kid';
      readonly answer: (
        service: Service,
        request: SignedByAccount,
        parameters: Parameters,
      ) => Answered;
    }
  | {
      readonly signedBy: 'jwk' | 'either';
      readonly answer: (
        service: Service,
        request: SignedRequest,
        from: { readonly address: string },
      ) => Answered;
    }
);

const [idPattern = '', hex = ''] = ['[a-z]+_[0-9a-z]{26}', '[0-9a-f]{1,40}'];
const path = (text: string) => new RegExp(`^${text}$`);
const get = ['GET', 'HEAD'];
/** A client may read these with its signature, too. RFC 8555 §6.3 */
const getOrPost = [...get, 'POST'];
/** The expressions give each parameter that a resource reads. */
const id = (parameters: Parameters) => ({ id: parameters.id ?? '' });

/** RFC 6960 §A.1 */
const ocspRoutes: readonly Route[] = [
  {
    path: path('/ocsp'),
    signedBy: 'none',
    methods: ['POST'],
    answer: () => empty(405),
    answerBody: { largest: largestOcspRequest, answer: ocspByPost },
  },
  {
    path: path('/ocsp/(?<request>[A-Za-z0-9+/=%]{1,8192})'),
    signedBy: 'none',
    methods: get,
    answer: (service, { request = '' }) => ocspByGet(service, request),
  },
];

/** What anyone fetches who verifies a certificate. */
export const repositoryRoutes: readonly Route[] = [
  ...ocspRoutes,
  {
    path: path('/crl(/(?<generation>[0-9]{1,6}))?'),
    signedBy: 'none',
    methods: get,
    answer: (service, { generation }) => crl(service, { generation }),
  },
  {
    path: path('/crl/root'),
    signedBy: 'none',
    methods: get,
    answer: (service) => rootCrl(service),
  },
  {
    path: path('/issuer(/(?<generation>[0-9]{1,6}))?'),
    signedBy: 'none',
    methods: get,
    answer: (service, { generation }) => issuerCertificate(service, { generation }),
  },
];

export const routes: readonly Route[] = [
  { path: path('/directory'), signedBy: 'none', methods: getOrPost, answer: directory },
  // RFC 8555 §7.2
  {
    path: path('/new-nonce'),
    signedBy: 'none',
    methods: getOrPost,
    nonce: true,
    answer: (_, __, method) => empty(method === 'HEAD' ? 200 : 204),
  },
  { path: path('/new-account'), signedBy: 'jwk', answer: newAccount },
  {
    path: path(`/account/(?<id>${idPattern})`),
    signedBy: 'kid',
    answer: (service, request, parameters) => account(service, request, id(parameters)),
  },
  {
    path: path(`/account/(?<id>${idPattern})/orders(/(?<after>${idPattern}))?`),
    signedBy: 'kid',
    answer: (service, request, parameters) =>
      ordersOf(service, request, { ...id(parameters), after: parameters.after }),
  },
  { path: path('/key-change'), signedBy: 'kid', answer: keyChange },
  { path: path('/new-order'), signedBy: 'kid', answer: newOrder },
  {
    path: path(`/order/(?<id>${idPattern})`),
    signedBy: 'kid',
    answer: (service, request, parameters) => order(service, request, id(parameters)),
  },
  {
    path: path(`/order/(?<id>${idPattern})/finalize`),
    signedBy: 'kid',
    answer: (service, request, parameters) => finalize(service, request, id(parameters)),
  },
  { path: path('/new-authz'), signedBy: 'kid', answer: newAuthorization },
  {
    path: path(`/authorization/(?<id>${idPattern})`),
    signedBy: 'kid',
    answer: (service, request, parameters) => authorization(service, request, id(parameters)),
  },
  {
    path: path(`/challenge/(?<id>${idPattern})/(?<type>[a-z0-9-]{1,40})`),
    signedBy: 'kid',
    answer: (service, request, parameters) =>
      challenge(service, request, { ...id(parameters), type: parameters.type ?? '' }),
  },
  {
    path: path(`/certificate/(?<id>${hex})(/(?<alternate>[1-9]))?`),
    signedBy: 'kid',
    answer: (service, request, parameters) =>
      certificate(service, request, { ...id(parameters), alternate: parameters.alternate }),
  },
  { path: path('/revoke-cert'), signedBy: 'either', answer: revokeCert },
  {
    path: path('/renewal-info/(?<certificateId>[\\w.-]{1,130})'),
    signedBy: 'none',
    methods: getOrPost,
    answer: (service, { certificateId = '' }) => renewalInfo(service, { certificateId }),
  },
  ...repositoryRoutes,
];
