import { autocert } from '@acmex/https';
import { createRequestHandler } from '@react-router/express';
import express from 'express';
import * as build from './build/server/index.js';

const app = express();
app.use(express.static('build/client'));
app.use(createRequestHandler({ build }));

const tls = await autocert({ names: ['example.com'], acceptTerms: true });
await tls.listen(app);
