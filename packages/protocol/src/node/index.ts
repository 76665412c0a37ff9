export { type NodeFetch, nodeFetch, type NodeFetchOptions } from './fetch.ts';
