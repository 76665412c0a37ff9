import type { newCertificate as english } from '../en/new-certificate.ts';
import type { Translation } from '../translation.ts';

export const newCertificate: Translation<typeof english> = {
  title: 'Neues Zertifikat',
  notAllowed: 'Ihr Schlüssel darf keine Zertifikate bestellen. Er braucht das Recht orders:write.',
  names: 'Namen',
  namesHint: 'Einer je Zeile: www.example.com, *.example.com, 192.0.2.1',
  noNames: 'Geben Sie mindestens einen Namen ein.',
  line: (line, text) => `Zeile ${line}: ${text}`,
  duplicate: (name, line) => `„${name}“ steht schon in Zeile ${line}`,
  wildcard: (name, challenge) =>
    `„${name}“ ist ein Wildcard-Name, den ${challenge} nicht prüfen kann: wählen Sie die Challenge dns-01`,
  address: (name, challenge) =>
    `„${name}“ ist eine IP-Adresse, die ${challenge} nicht prüfen kann: wählen Sie http-01 oder tls-alpn-01`,
  template: 'Vorlage',
  templateHint: 'Sie füllt die Felder darunter aus.',
  noTemplate: 'keine',
  issuer: 'Aussteller',
  staging: 'Seine Zertifikate sind für Tests: Browser vertrauen ihnen nicht.',
  byDefault: (value) => (value === '' ? 'Standard' : `Standard: ${value}`),
  challenge: 'Challenge',
  challengeHint: 'Wie die CA prüft, dass die Namen Ihre sind. Ein Wildcard-Name braucht dns-01.',
  dnsProvider: 'DNS-Anbieter',
  dnsProviderHint: 'Er schreibt die Einträge der Challenge.',
  dnsProviderByName: 'der für jeden Namen eingestellte',
  noDnsProvider:
    'Es ist keiner eingestellt, der sie schreibt: tragen Sie einen in challenge.dns01.providers von acmex.toml ein, oder setzen Sie die Einträge von Hand.',
  byHand: (name) => `${name} (Sie setzen die Einträge)`,
  byHandHint:
    'Die Bestellung zeigt, welche Einträge zu setzen sind. Jede Erneuerung wartet, bis Sie neue gesetzt haben.',
  profile: 'Profil',
  profileHint: 'Der Name eines Profils der CA; leer für das übliche',
  keyType: 'Schlüsselart',
  keyTypes: {
    'ec-p256': 'ec-p256 (ECDSA, geht fast überall)',
    'ec-p384': 'ec-p384 (ECDSA)',
    'ec-p521': 'ec-p521 (ECDSA, nur wenige öffentliche CAs nehmen ihn)',
    ed25519: 'ed25519 (nur wenige öffentliche CAs nehmen ihn)',
    'rsa-2048': 'rsa-2048 (für alte Programme)',
    'rsa-3072': 'rsa-3072',
    'rsa-4096': 'rsa-4096 (langsam)',
  },
  labels: 'Etiketten',
  labelsHint: 'NAME=WERT, eines je Zeile',
  more: 'Mehr',
  renewBeforeDays: 'So viele Tage vor dem Ende erneuern',
  renewBeforeDaysHint: 'Leer: wenn die CA dazu rät, oder nach zwei Dritteln der Laufzeit',
  preferredChain: 'Bevorzugte Kette',
  preferredChainHint:
    'Der Name (common name) des Ausstellers an ihrem Ende, wenn die CA mehrere anbietet',
  reuseKey: 'Den privaten Schlüssel bei einer Erneuerung behalten',
  mustStaple: 'Eine angeheftete OCSP-Antwort verlangen (Must-Staple)',
  plan: 'Was bestellt wird',
  existing: 'Ein Zertifikat mit diesen Namen gibt es schon. Es wird geändert und neu bestellt:',
  recordOf: (name) => `Eintrag von ${name}`,
  writtenBy: (provider) => `schreibt ${provider}`,
  submit: 'Zertifikat bestellen',
  back: 'Zurück zu den Zertifikaten',
  deploy: 'Wie es auf Ihre Rechner kommt',
  deployText:
    'Der Server verteilt es, wie acmex.toml es sagt. Ein Rechner kann es und jede Erneuerung auch selbst holen, mit einem API-Schlüssel mit den Rechten certificates:read, private-keys:read und agents:write:',
  deployCommand: 'Befehl des Agenten',
};
