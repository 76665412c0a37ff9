import type { hosts as english } from '../en/hosts.ts';
import type { Translation } from '../translation.ts';

export const hosts: Translation<typeof english> = {
  title: 'Rechner',
  text: 'Rechner mit einem Agenten, und was jeder von ihnen ausliefert.',
  empty:
    'Noch kein Rechner hat sich gemeldet. Starten Sie acmex agent auf einem Rechner, mit einem Schlüssel, der das Recht agents:write hat.',
  noMatch: 'Kein Rechner passt zu diesem Filter.',
  cut: (count) =>
    `Nur die ersten ${count} Meldungen werden gezeigt. Suchen Sie nach einem Rechner, um alle seine Meldungen zu sehen.`,
  search: 'Rechner',
  searchHint: 'Der ganze Name: a-z, 0-9 und . _ -',
  any: 'beliebig',
  onlyBehind: 'nur was veraltet ist',
  onlyCurrent: 'nur was aktuell ist',
  count: (count, behind) =>
    `${count === 1 ? '1 Zertifikat' : `${count} Zertifikate`}${behind > 0 ? `, ${behind} veraltet` : ''}`,
  reported: 'gemeldet',
  since: 'seit',
  serves: (name) => `Was ${name} ausliefert`,
  nothing: 'noch nichts',
  columns: {
    certificate: 'Zertifikat',
    state: 'Zustand',
    serial: 'Seriennummer',
    evidence: 'Beleg',
    failure: 'Fehler',
  },
  evidence: {
    none: 'noch keiner',
    probe: 'der Agent sah es am Port',
    files: 'die Dateien sind geschrieben, und der Hook war erfolgreich',
  },
  remove: {
    title: 'Rechner entfernen',
    action: 'Entfernen',
    text: (count) =>
      `${count === 1 ? 'Seine Meldung wird' : `Seine ${count} Meldungen werden`} entfernt. Auf dem Rechner ändert sich nichts; läuft sein Agent noch, meldet er sich wieder.`,
    done: (name) => `${name} ist entfernt.`,
  },
};
