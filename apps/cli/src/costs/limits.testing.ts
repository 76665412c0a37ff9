/** What is counted, by kind. */
export type Counts = Readonly<Record<string, number>>;
/** Counts by what they are counted for. */
export type Costs = Readonly<Record<string, Counts>>;

/**
 * What each thing costs at most; a kind that is not named costs nothing. Anyone who raises a number
 * says in the commit what it buys.
 */
export const limits: Costs = {
  'requests, 1 name, a new account': {
    ...{ 'GET /directory': 1, 'HEAD /new-nonce': 1, 'POST /new-account': 1, 'POST /new-order': 1 },
    ...{ 'POST /authorization/ID': 1, 'POST /challenge/ID/ID': 1, 'POST /order/ID': 1 },
    ...{ 'POST /order/ID/finalize': 1, 'POST /certificate/ID': 1 },
  },
  'requests, 1 name, a known account': {
    ...{ 'HEAD /new-nonce': 1, 'POST /new-order': 1 },
    ...{ 'POST /authorization/ID': 1, 'POST /challenge/ID/ID': 1, 'POST /order/ID': 1 },
    ...{ 'POST /order/ID/finalize': 1, 'POST /certificate/ID': 1 },
  },
  'requests, 1 name, names that are valid already': {
    ...{ 'HEAD /new-nonce': 1, 'POST /new-order': 1 },
    ...{ 'POST /order/ID/finalize': 1, 'POST /certificate/ID': 1 },
  },
  'requests, 10 names, a new account': {
    ...{ 'GET /directory': 1, 'HEAD /new-nonce': 1, 'POST /new-account': 1, 'POST /new-order': 1 },
    ...{ 'POST /authorization/ID': 10, 'POST /challenge/ID/ID': 10, 'POST /order/ID': 1 },
    ...{ 'POST /order/ID/finalize': 1, 'POST /certificate/ID': 1 },
  },
  'requests, 10 names, a known account': {
    ...{ 'HEAD /new-nonce': 1, 'POST /new-order': 1 },
    ...{ 'POST /authorization/ID': 10, 'POST /challenge/ID/ID': 10, 'POST /order/ID': 1 },
    ...{ 'POST /order/ID/finalize': 1, 'POST /certificate/ID': 1 },
  },
  'requests, 10 names, names that are valid already': {
    ...{ 'HEAD /new-nonce': 1, 'POST /new-order': 1 },
    ...{ 'POST /order/ID/finalize': 1, 'POST /certificate/ID': 1 },
  },
  'storage of the CA, an order of 1 name': {
    ...{ get: 19, list: 1, write: 11, 'changed keys': 23, bytes: 6200 },
  },
  'storage of the CA, an order of 10 names': {
    ...{ get: 100, list: 1, write: 47, 'changed keys': 104, bytes: 27000 },
  },
  // The hour of a due moment and its list of certificates are new keys at times.
  'storage of a manager, an order': {
    ...{ get: 28, list: 1, write: 13, 'changed keys': 28, bytes: 11350 },
  },
  'storage of a manager, a renewal': {
    ...{ get: 28, list: 1, write: 10, 'changed keys': 26, bytes: 9500 },
  },
  'storage of the API, a page of 100': { get: 1, list: 1, 'listed entries': 101 },
  'storage of the API, a page of 100 by name': { get: 101, list: 1, 'listed entries': 101 },
  'storage of the API, one certificate': { get: 2 },
  'files of a certificate after its issuance': { files: 15, bytes: 6230 },
  'files of a certificate after two renewals': { files: 28, bytes: 14640 },
  'modules of acmex --version': { '@acmex': 1 },
  'modules of acmex serve': { '@acmex': 735, packages: 85, 'files of packages': 1563 },
  'modules of acmex ca serve': { '@acmex': 400, packages: 39, 'files of packages': 413 },
  "modules of import '@acmex/client'": { '@acmex': 73, packages: 3, 'files of packages': 56 },
  'heap of a signature for a request': { bytes: 8300 },
  'heap of a request of a client and its answer by the CA': { bytes: 118_000 },
  'heap of a signed request at the CA': { bytes: 63_000 },
  'heap of a certificate that is read': { bytes: 103_000 },
  'heap of a chain that is read': { bytes: 225_000 },
  'heap of a certificate signing request': { bytes: 41_000 },
  'heap of an entry that is listed, in memory': { bytes: 1200 },
  'heap of an entry that is listed, in files': { bytes: 5900 },
  'heap of a certificate in a page': { bytes: 1950 },
};

/** How much more than its limit a kind may be, because it is not the same in each run. */
export function toleranceOf(title: string, kind: string): number {
  if (title.startsWith('heap')) return 1.2; // Node.js of another version
  if (kind === '@acmex') return 1.05; // sources that are split in two
  return kind === 'bytes' ? 1.03 : 1; // ids, signatures and times of another length
}

/** Packages that only a team, a DNS provider, a notification or a trace needs. */
export const notLoaded: Readonly<Record<string, readonly string[]>> = {
  'modules of acmex serve': [
    ...['ioredis', 'bullmq', '@bull-board/api', '@bull-board/fastify', 'nodemailer'],
    ...['@aws-sdk/client-route-53', 'cloudflare', '@opentelemetry/sdk-trace-base'],
  ],
  'modules of acmex ca serve': [
    ...['ioredis', 'bullmq', '@nestjs/common', '@nestjs/core', 'fastify', 'nodemailer'],
    ...['@opentelemetry/api', 'prom-client', 'ora', 'yaml'],
  ],
  "modules of import '@acmex/client'": ['zod', '@peculiar/x509', 'reflect-metadata'],
};
