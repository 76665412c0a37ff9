import type { queue as english } from '../en/queue.ts';
import type { Translation } from '../translation.ts';

export const queue: Translation<typeof english> = {
  title: 'Warteschlange',
  text: 'Bestellungen und Verteilungen, die warten, laufen oder fehlschlugen. Laufende und wartende zählen für den ganzen Server, die Listen sind Ihre.',
  firstPage: 'Erste Seite',
  nextPage: 'Nächste Seite',
  columns: {
    certificate: 'Zertifikat',
    why: 'Warum',
    next: 'Nächster Versuch',
    order: 'Bestellung',
    due: 'Fällig',
    issuer: 'CA',
    worker: 'Prozess',
    capacity: 'Gleichzeitig',
    since: 'Seit',
    actions: 'Aktionen',
  },
  counts: {
    running: 'Laufend',
    waiting: 'Wartend',
    delayed: 'Aufgeschoben',
    due: 'Fällig',
    failing: 'Fehlgeschlagen',
    ofCapacity: (running, capacity) => `${running} von ${capacity}`,
  },
  late: {
    title: 'Arbeit verspätet sich.',
    text: 'Für das, was am längsten fällig ist, geschieht nichts. Prüfen Sie, ob ein Prozess arbeitet und ob die CA erreichbar ist.',
    since: 'fällig',
  },
  failing: {
    title: 'Was fehlschlägt',
    none: 'Nichts schlägt fehl.',
    order: 'Bestellung:',
    deploy: 'Verteilung:',
    noOrder: 'keine',
    times: (count) =>
      count === 1 ? 'einmal fehlgeschlagen, zuletzt' : `${count}-mal fehlgeschlagen, zuletzt`,
  },
  replay: {
    title: 'Alles noch einmal versuchen',
    action: 'Noch einmal versuchen',
    now: 'Jetzt versuchen',
    text: 'Alles, was fehlschlägt, ist sofort fällig, ohne auf den nächsten Versuch zu warten. CAs begrenzen fehlgeschlagene Versuche: beheben Sie zuerst die Ursache.',
    done: (count, hasMore) =>
      `${count === 1 ? '1 Zertifikat wird' : `${count} Zertifikate werden`} noch einmal versucht.${hasMore ? ' Es gibt mehr: wiederholen Sie es.' : ''}`,
  },
  due: { title: 'Fällig und nicht erledigt', none: 'Nichts ist fällig.' },
  groups: 'Nach CA',
  workers: {
    title: 'Prozesse, die arbeiten',
    none: 'Kein Prozess arbeitet. Starten Sie einen mit acmex serve.',
  },
};
