import type { accounts as english } from '../en/accounts.ts';
import type { Translation } from '../translation.ts';

export const accounts: Translation<typeof english> = {
  title: 'Konten',
  text: 'Der Server bestellt Zertifikate mit einem Konto bei jeder CA. Er legt es selbst an, wenn die Konfiguration den Nutzungsbedingungen zustimmt.',
  caption: 'Konten bei CAs',
  empty: 'Es gibt noch kein Konto. Die erste Bestellung legt eines an, oder Sie tun es hier.',
  noAnswer: 'Die CA hat noch nicht geantwortet',
  noContact: 'kein Kontakt',
  askCa: 'CA fragen',
  columns: { issuer: 'CA', account: 'Konto', atCa: 'Bei der CA', actions: 'Aktionen' },
  issuers: {
    heading: 'CAs und ihre Grenzen',
    ca: 'CA',
    left: 'Übrig',
    full: 'wieder voll',
    unused: 'Unbenutzt bis',
  },
  register: {
    title: 'Konto anlegen',
    action: 'Anlegen',
    text: 'Hat die CA zum gespeicherten Schlüssel schon ein Konto, wird es benutzt.',
    issuerHint: 'Ihr Name in acmex.toml. Leer: die CA von [acme].',
    emailHint: 'Wo die CA Sie erreicht. Leer: der Kontakt aus acmex.toml.',
    done: (issuer) => `Das Konto bei ${issuer} ist angelegt.`,
  },
  terms: {
    title: 'Nutzungsbedingungen',
    text: 'Die CA legt Konten nur für die an, die ihren Nutzungsbedingungen zustimmen. Lesen Sie sie zuerst:',
    agree: 'Ich habe die Nutzungsbedingungen gelesen und stimme ihnen zu.',
  },
  contact: {
    title: 'Kontakt ändern',
    action: 'Kontakt ändern',
    label: 'E-Mail-Adresse',
    text: 'Die CA benutzt von jetzt an nur diese Adresse.',
    done: 'Die CA hat den neuen Kontakt.',
  },
  rotate: {
    title: 'Kontoschlüssel erneuern',
    action: 'Schlüssel erneuern',
    text: 'Das Konto bekommt einen neuen Schlüssel, und die CA lehnt den alten ab. Zertifikate ändern sich nicht.',
    done: 'Das Konto hat einen neuen Schlüssel.',
  },
  giveUp: {
    title: 'Konto aufgeben',
    action: 'Aufgeben',
    text: 'Die CA deaktiviert das Konto, und sein Schlüssel wird aus dem Speicher entfernt. Zertifikate des Kontos bleiben gültig, können damit aber nicht mehr erneuert werden. Das lässt sich nicht rückgängig machen.',
    done: 'Die CA hat das Konto deaktiviert.',
  },
};
