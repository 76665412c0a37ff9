/**
 * The words of the page: one file for each language and part of the page. Those of the sign-in are
 * loaded at first, the rest with the first screen. Each part in English is the shape of its
 * translations. A language is added here and in a folder of its own.
 */
const tables = {
  en: {
    shell: async () => await import('./en/shell.ts'),
    screens: async () => await import('./en/screens.ts'),
  },
  de: {
    shell: async () => await import('./de/shell.ts'),
    screens: async () => await import('./de/screens.ts'),
  },
} as const;

export type Language = keyof typeof tables;
export const languages = Object.keys(tables) as readonly Language[];
type Words<F extends keyof (typeof tables)['en']> = Awaited<ReturnType<(typeof tables)['en'][F]>>;
type English = Words<'shell'> & Words<'screens'>;

const storedAs = 'acmex-language';

/** The language that was chosen in this browser, or the first of its own that there is. */
export const language: Language =
  [localStorage.getItem(storedAs) ?? '', ...navigator.languages]
    .map((tag) => tag.slice(0, 2) as Language)
    .find((tag) => languages.includes(tag)) ?? 'en';

/** Shows the page in another language from now on. */
export function chooseLanguage(tag: Language): void {
  localStorage.setItem(storedAs, tag);
  location.reload();
}

/** The words of a part of the page. */
export async function strings<P extends keyof English>(part: P): Promise<English[P]> {
  const { shell, screens } = tables[language];
  return ((part === 'shell' ? await shell() : await screens()) as unknown as English)[part];
}
