// Bundles what src/sdk.ts uses of Cloudflare's SDK: installed, the whole of it would be 120 MB.
import { bundleSdk } from '../../tools/bundle-sdk.mjs';

await bundleSdk({ folder: import.meta.dirname, sdk: 'cloudflare', maxBytes: 40_000 });
