import type { BuildOptions, Plugin } from 'esbuild';

export function bundle(options: BuildOptions & { readonly outdir: string }): Promise<void>;
export const installedPackages: Plugin;
