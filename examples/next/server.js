import { autocert } from '@acmex/https';
import next from 'next';

const app = next({ dev: process.env.NODE_ENV !== 'production' });
await app.prepare();

const tls = await autocert({ names: ['example.com'], acceptTerms: true });
await tls.listen(app.getRequestHandler());
