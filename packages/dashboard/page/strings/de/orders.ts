import type { orders as english } from '../en/orders.ts';
import type { Translation } from '../translation.ts';

export const orders: Translation<typeof english> = {
  title: 'Bestellungen',
  caption: 'Passende Bestellungen, die neuesten zuerst',
  new: 'Neues Zertifikat',
  state: 'Zustand',
  any: 'beliebig',
  ofCertificate: 'Zum Zertifikat',
  ofIssuer: (issuer) => `Von ${issuer}`,
  columns: {
    names: 'Namen',
    state: 'Zustand',
    cause: 'Warum',
    issuer: 'Aussteller',
    created: 'Bestellt',
    failure: 'Letzter Fehler',
  },
  triedAgain: 'Der nächste Versuch ist',
  empty: 'Es gibt noch keine Bestellungen. Bestellen Sie das erste Zertifikat.',
  noMatch: 'Keine Bestellung passt zu diesem Filter.',
  searchingOn: (scanned) => `Bisher kein Treffer unter ${scanned} Bestellungen.`,
  newest: 'Zurück zu den neuesten',
  older: 'Ältere Bestellungen',
};
