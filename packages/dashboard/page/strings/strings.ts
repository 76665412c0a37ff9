/**
 * The words of the page: one file for each language and part of the page, loaded when it is shown.
 * Each part in English is the shape of its translations. A language is added here and in a folder of
 * its own.
 */
const tables = {
  en: {
    shell: async () => (await import('./en/shell.ts')).shell,
    overview: async () => (await import('./en/overview.ts')).overview,
    certificates: async () => (await import('./en/certificates.ts')).certificates,
    calendar: async () => (await import('./en/calendar.ts')).calendar,
    certificate: async () => (await import('./en/certificate.ts')).certificate,
    order: async () => (await import('./en/order.ts')).order,
    orders: async () => (await import('./en/orders.ts')).orders,
    newCertificate: async () => (await import('./en/new-certificate.ts')).newCertificate,
    templates: async () => (await import('./en/templates.ts')).templates,
    accounts: async () => (await import('./en/accounts.ts')).accounts,
    hosts: async () => (await import('./en/hosts.ts')).hosts,
    keys: async () => (await import('./en/keys.ts')).keys,
    deliveries: async () => (await import('./en/deliveries.ts')).deliveries,
    audit: async () => (await import('./en/audit.ts')).audit,
    queue: async () => (await import('./en/queue.ts')).queue,
  },
  de: {
    shell: async () => (await import('./de/shell.ts')).shell,
    overview: async () => (await import('./de/overview.ts')).overview,
    certificates: async () => (await import('./de/certificates.ts')).certificates,
    calendar: async () => (await import('./de/calendar.ts')).calendar,
    certificate: async () => (await import('./de/certificate.ts')).certificate,
    order: async () => (await import('./de/order.ts')).order,
    orders: async () => (await import('./de/orders.ts')).orders,
    newCertificate: async () => (await import('./de/new-certificate.ts')).newCertificate,
    templates: async () => (await import('./de/templates.ts')).templates,
    accounts: async () => (await import('./de/accounts.ts')).accounts,
    hosts: async () => (await import('./de/hosts.ts')).hosts,
    keys: async () => (await import('./de/keys.ts')).keys,
    deliveries: async () => (await import('./de/deliveries.ts')).deliveries,
    audit: async () => (await import('./de/audit.ts')).audit,
    queue: async () => (await import('./de/queue.ts')).queue,
  },
} as const;

export type Language = keyof typeof tables;
export const languages = Object.keys(tables) as readonly Language[];
type English = (typeof tables)['en'];

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
export async function strings<P extends keyof English>(
  part: P,
): Promise<Awaited<ReturnType<English[P]>>> {
  return (await tables[language][part]()) as Awaited<ReturnType<English[P]>>;
}
