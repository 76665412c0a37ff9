import 'reflect-metadata';
import { autocert } from '@acmex/https';
import { AcmexModule } from '@acmex/nest';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

const tls = await autocert({ names: ['example.com'], acceptTerms: true });

@Controller()
class AppController {
  @Get()
  hello(): string {
    return 'Hello from Nest';
  }
}

@Module({ imports: [AcmexModule.forRoot({ tls })], controllers: [AppController] })
class AppModule {}

const app = await NestFactory.create(AppModule, { httpsOptions: tls.options });
app.enableShutdownHooks();
await app.listen(process.env['PORT'] ?? 443);
