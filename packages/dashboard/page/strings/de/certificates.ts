import type { certificates as english } from '../en/certificates.ts';
import type { Translation } from '../translation.ts';

export const certificates: Translation<typeof english> = {
  title: 'Zertifikate',
  caption: 'Passende Zertifikate',
  new: 'Neues Zertifikat',
  search: 'Namen suchen',
  searchHint: 'Ein Name, ein Teil von Namen, oder .example.com für alle Namen darunter',
  state: 'Zustand',
  issuer: 'Aussteller',
  label: 'Etikett',
  labelHint: 'NAME oder NAME=WERT',
  sort: 'Sortieren nach',
  sorts: { id: 'Zuerst angelegt', name: 'Name', expiry: 'Läuft zuerst ab' },
  any: 'beliebig',
  columns: {
    names: 'Namen',
    state: 'Zustand',
    expires: 'Läuft ab',
    renewal: 'Erneuerung',
    issuer: 'Aussteller',
    deployed: 'Verteilt',
    labels: 'Etiketten',
  },
  more: (count) => `und ${count} weitere`,
  notIssued: 'noch nicht ausgestellt',
  notPlanned: 'nicht geplant',
  deployedNever: '–',
  deployedGeneration: (generation) => `Generation ${generation}`,
  deployFailed: 'fehlgeschlagen',
  empty: 'Es gibt noch keine Zertifikate. Bestellen Sie das erste.',
  noMatch: 'Kein Zertifikat passt zu diesem Filter.',
  next: 'Nächste Seite',
  previous: 'Vorherige Seite',
  searching: (matched, scanned) =>
    `Suche läuft: bisher passen ${matched} von ${scanned} Zertifikaten.`,
  searched: (matched, scanned) =>
    `${matched} der ${scanned} durchsuchten Zertifikate passen. Die nächste Seite sucht weiter.`,
  stop: 'Anhalten',
  searchParts: (part) => `Namen suchen, die ${part} enthalten`,
  awaitsRecords: 'Bestellung wartet auf DNS-Einträge',
  times: {
    expiresAfter: (time) => `läuft ab nach ${time}`,
    expiresBefore: (time) => `läuft ab vor ${time}`,
    renewalAfter: (time) => `Erneuerung nach ${time}`,
    renewalBefore: (time) => `Erneuerung vor ${time}`,
  },
  views: 'Gespeicherte Ansichten',
  saveView: 'Diese Ansicht speichern',
  viewName: 'Name der Ansicht',
  removeView: (name) => `Ansicht ${name} entfernen`,
  bulk: {
    next: 'Weiter',
    heading: 'Mit allen passenden tun',
    renew: 'Erneuern',
    pause: 'Anhalten',
    resume: 'Fortsetzen',
    label: 'Etikett setzen',
    revoke: 'Widerrufen',
    title: (action, count) =>
      count === 1 ? `${action}: 1 Zertifikat` : `${action}: ${count} Zertifikate`,
    text: {
      renew: 'Jedes wird jetzt neu bestellt, ob es fällig ist oder nicht.',
      pause: 'Keines wird erneuert, bis es fortgesetzt wird.',
      resume: 'Sie werden wieder erneuert, wenn sie fällig sind.',
      label: 'Das Etikett wird an jedem gesetzt.',
      revoke: 'Jedem wird sofort nicht mehr vertraut. Das lässt sich nicht rückgängig machen.',
    },
    none: 'Es gibt nichts zu tun: kein Zertifikat dieses Filters braucht es.',
    labelField: 'Etikett als NAME=WERT; NAME= entfernt es',
    reason: 'Grund',
    done: (done, failed) => {
      const subject = done === 1 ? '1 Zertifikat' : `${done} Zertifikate`;
      return failed === 0
        ? `Erledigt für ${subject}.`
        : `Erledigt für ${subject}; ${failed} schlugen fehl.`;
    },
  },
};
