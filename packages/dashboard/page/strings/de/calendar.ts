import type { calendar as english } from '../en/calendar.ts';
import type { Translation } from '../translation.ts';

export const calendar: Translation<typeof english> = {
  title: 'Kalender',
  months: 'Monate',
  previous: 'Voriger Monat',
  next: 'Nächster Monat',
  today: 'Dieser Monat',
  expiring: (count) => (count === 1 ? 'läuft ab' : 'laufen ab'),
  renewing: (count) => (count === 1 ? 'Erneuerung' : 'Erneuerungen'),
  more: (count) => `und ${count} weitere`,
  table: (month) => `Abläufe und geplante Erneuerungen im ${month}`,
  isToday: 'heute',
  feed: {
    title: 'In Ihrem eigenen Kalender',
    text: 'Ein Kalenderprogramm kann die Abläufe und geplanten Erneuerungen des nächsten Jahres abonnieren. Jedes Abonnement hat eine eigene Adresse. Sie zeigt nur die Namen, die Ihr Schlüssel sehen darf. Sie endet mit Ihrem Schlüssel.',
    create: 'Eine Adresse anlegen',
    name: 'Wofür ist sie?',
    nameHint: 'Zum Beispiel: Telefon, oder der Kalender des Teams',
    created: 'Die neue Adresse',
    once: 'Sie wird nur dieses eine Mal gezeigt. Wer sie hat, sieht die Namen Ihrer Zertifikate.',
    address: 'Adresse des Kalenders',
    listTitle: 'Adressen in Gebrauch',
    columns: {
      name: 'Name',
      key: 'Schlüssel',
      made: 'Angelegt',
      used: 'Zuletzt benutzt',
      action: 'Aktion',
    },
    never: 'nie',
    none: 'Es gibt noch keine Adresse.',
    revoke: 'Widerrufen',
    revokeTitle: (name) => `Die Adresse ${name} widerrufen`,
    revokeText:
      'Programme, die sie benutzen, bekommen nichts mehr. Das lässt sich nicht rückgängig machen.',
    revoked: 'Die Adresse ist widerrufen.',
  },
};
