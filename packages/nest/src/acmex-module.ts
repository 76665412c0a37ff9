import type { Autocert } from '@acmex/https';
import {
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

export interface AcmexOptions {
  /** What the server is made with, as `httpsOptions: tls.options`. */
  readonly tls: Autocert;
  /**
   * Whether port 80 is answered, too, as `tls.listenHttp` does it: challenges, and a redirect to
   * HTTPS. True by default.
   */
  readonly http?: boolean | undefined;
}

const OPTIONS = Symbol('acmex');

/** Keeps current what the server of an application presents, and ends `tls` when it is closed. */
@Module({})
export class AcmexModule implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #options: AcmexOptions;
  readonly #host: HttpAdapterHost;

  constructor(
    @Inject(OPTIONS) options: AcmexOptions,
    @Inject(HttpAdapterHost) host: HttpAdapterHost,
  ) {
    this.#options = options;
    this.#host = host;
  }

  static forRoot(options: AcmexOptions): DynamicModule {
    return { module: AcmexModule, providers: [{ provide: OPTIONS, useValue: options }] };
  }

  /** @throws HttpsError `ERR_HTTPS_LISTEN` */
  async onApplicationBootstrap(): Promise<void> {
    const { tls, http = true } = this.#options;
    tls.attach(this.#host.httpAdapter.getHttpServer());
    if (http) await tls.listenHttp();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#options.tls[Symbol.asyncDispose]();
  }
}
