import 'reflect-metadata';
import { controllers } from './controllers.ts';
import { endpointsOf } from './http/endpoint.ts';
import { type OpenApi, openApi } from './http/open-api.ts';

/** The REST API in OpenAPI 3.1. @param version of the server */
export function apiDescription(version: string): OpenApi {
  return openApi(endpointsOf(controllers), version);
}
