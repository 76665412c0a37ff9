/** Where a value came from. */
export type Origin =
  /** As `--storage`. */
  | { readonly from: 'flag'; readonly flag: string }
  | { readonly from: 'environment'; readonly variable: string }
  /** `line` counts from 1. */
  | { readonly from: 'file'; readonly file: string; readonly line: number }
  | { readonly from: 'default' };

/** `flag --storage`, `ACMEX_STORAGE`, `/etc/acmex/acmex.toml:7` or `default`. */
export function originText(origin: Origin): string {
  switch (origin.from) {
    case 'flag':
      return `flag ${origin.flag}`;
    case 'environment':
      return origin.variable;
    case 'file':
      return `${origin.file}:${origin.line}`;
    case 'default':
      return 'default';
  }
}
