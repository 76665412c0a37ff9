import type { templates as english } from '../en/templates.ts';
import type { Translation } from '../translation.ts';

export const templates: Translation<typeof english> = {
  title: 'Vorlagen',
  text: 'Eine Vorlage hält Werte von Zertifikaten unter einem Namen fest. Man wählt sie bei einer Bestellung, hier und in der API.',
  empty: 'Es gibt noch keine Vorlagen. Machen Sie eine aus dem, was Sie immer wieder bestellen.',
  new: 'Neue Vorlage',
  columns: { name: 'Name', values: 'Werte', labels: 'Etiketten', actions: 'Aktionen' },
  defaults: 'alles nach Standard',
  yes: 'ja',
  use: 'Damit bestellen',
  change: 'Ändern',
  changeNamed: (name) => `Vorlage ${name} ändern`,
  changeText: 'Zertifikate, die damit bestellt wurden, bleiben, wie sie sind.',
  remove: 'Entfernen',
  removeNamed: (name) => `Vorlage ${name} entfernen`,
  removeText:
    'Niemand kann mehr damit bestellen. Zertifikate, die damit bestellt wurden, bleiben, wie sie sind.',
  name: 'Name',
  nameHint: 'a-z, 0-9 und . -',
  nameTaken:
    'Eine Vorlage mit diesem Namen gibt es schon: ändern Sie diese, oder wählen Sie einen anderen Namen.',
  save: 'Speichern',
  saved: (name) => `Die Vorlage ${name} ist gespeichert.`,
  removed: (name) => `Die Vorlage ${name} ist entfernt.`,
};
