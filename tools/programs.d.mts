export const programs: Readonly<
  Record<string, { readonly debian: string; readonly elsewhere: string }>
>;
export function isInstalled(name: string, path?: string): boolean;
export function missing(): string[];
export function howToInstall(name: string): string;
export function whyUnusable(name: string): string | undefined;
export function locate(name: string, path?: string): string | undefined;
