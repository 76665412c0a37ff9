import { autocert } from '@acmex/https';
import express from 'express';

const app = express();
app.get('/', (_, response) => void response.send('Hello from Express'));

const tls = await autocert({ names: ['example.com'], acceptTerms: true });
await tls.listen(app);
