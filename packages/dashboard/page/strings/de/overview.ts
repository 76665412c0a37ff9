import type { overview as english } from '../en/overview.ts';
import type { Translation } from '../translation.ts';

export const overview: Translation<typeof english> = {
  title: 'Übersicht',
  notAllowed: 'Ihr Schlüssel darf keine Zertifikate sehen. Wählen Sie oben einen Teil der Seite.',
  states: 'Zertifikate nach Zustand',
  certificates: (count) => (count === 1 ? '1 Zertifikat' : `${count} Zertifikate`),
  strip: (days) => `Die nächsten ${days} Tage`,
  calendar: 'Kalender',
  above: 'laufen ab',
  below: 'werden erneuert',
  asTable: 'Als Tabelle',
  noDays: 'An diesen Tagen läuft nichts ab, und keine Erneuerung ist geplant.',
  day: 'Tag',
  expiring: 'Laufen ab',
  renewing: 'Geplante Erneuerungen',
  columns: {
    names: 'Namen',
    expires: 'Läuft ab',
    renewal: 'Erneuerung',
    state: 'Zustand',
    issuer: 'Aussteller',
    since: 'Geändert',
    host: 'Rechner',
    why: 'Warum',
    reported: 'Gemeldet',
  },
  next: 'Läuft als Nächstes ab',
  notPlanned: 'nicht geplant',
  nothingIssued: 'Noch ist kein Zertifikat ausgestellt.',
  failing: 'Schlägt fehl',
  nothingFails: 'Nichts schlägt fehl.',
  failures: (count) =>
    count === 1 ? 'einmal fehlgeschlagen' : `${count}-mal in Folge fehlgeschlagen`,
  retry: 'nächster Versuch',
  toOrder: 'Bestellung',
  allFailing: (count) => `Alle ${count}, die fehlschlagen`,
  behind: 'Nicht so ausgeliefert wie gespeichert',
  nothingBehind: 'Jeder Rechner, der sich meldet, liefert aus, was gespeichert ist.',
  serves: {
    earlier: 'liefert ein früheres Zertifikat aus',
    nothing: 'liefert noch kein Zertifikat aus',
  },
  allHosts: 'Alle Rechner',
  underWay: 'Laufende Bestellungen',
  nothingUnderWay: 'Keine Bestellung läuft.',
  allUnderWay: (count) => `Alle ${count} laufenden Bestellungen`,
  first: 'Ihr erstes Zertifikat',
  firstText:
    'Dieser Server hat noch kein Zertifikat. Das ist zu tun, hier oder auf der Kommandozeile:',
  steps: {
    configure: {
      title: 'Die Konfiguration prüfen',
      text: 'acmex.toml sagt, welche CA ausstellt und wie die Kontrolle über Namen nachgewiesen wird: mit einer Datei auf Port 80 oder mit einem DNS-Eintrag.',
      action: '',
    },
    account: {
      title: 'Ein Konto bei der CA anlegen',
      text: 'Die CA verlangt, dass Sie ihre Nutzungsbedingungen annehmen. Eine erste Bestellung erledigt das auch.',
      action: 'Konten',
    },
    order: {
      title: 'Ein Zertifikat bestellen',
      text: 'Von da an wird es von selbst erneuert.',
      action: 'Neues Zertifikat',
    },
    key: {
      title: 'Einen Schlüssel für das Programm anlegen, das es abholt',
      text: 'Ein eigener Schlüssel darf nur, was er muss, und lässt sich allein widerrufen.',
      action: 'API-Schlüssel',
    },
  },
};
