import type { deliveries as english } from '../en/deliveries.ts';
import type { Translation } from '../translation.ts';

export const deliveries: Translation<typeof english> = {
  title: 'Zustellungen',
  text: 'Benachrichtigungen, die ihre Empfänger noch nicht erreicht haben. Jede wird einen Tag lang versucht; was aufgegeben wurde, bleibt 90 Tage gespeichert.',
  empty:
    'Keine Benachrichtigung wartet, und keine wurde aufgegeben. Empfänger stehen in [notifications] von acmex.toml.',
  noneHere: 'Auf dieser Seite ist nichts für Sie.',
  firstPage: 'Erste Seite',
  nextPage: 'Nächste Seite',
  never: 'keiner',
  noAttempt: 'noch keiner',
  inTurn: 'nach denen davor',
  attempts: (count) => (count === 1 ? '1 Versuch, begonnen' : `${count} Versuche, begonnen`),
  columns: {
    state: 'Zustand',
    receiver: 'Empfänger',
    title: 'Worüber',
    attempts: 'Versuche',
    failure: 'Letzter Fehler',
    next: 'Nächster Versuch',
    actions: 'Aktionen',
  },
  replay: {
    title: 'Benachrichtigung noch einmal senden',
    action: 'Noch einmal senden',
    text: 'Sie wird mit derselben Id an jeden Empfänger gesendet, der sie nicht bekam, höchstens einen weiteren Tag lang.',
    done: 'Die Benachrichtigung wird noch einmal gesendet.',
  },
};
