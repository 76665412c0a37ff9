import type { shell as english } from '../en/shell.ts';
import type { Translation } from '../translation.ts';

export const shell: Translation<typeof english> = {
  navigation: 'Navigation',
  menu: 'Menü',
  skip: 'Zum Inhalt springen',
  screens: {
    overview: 'Übersicht',
    certificates: 'Zertifikate',
    certificate: 'Zertifikat',
    order: 'Bestellung',
    orders: 'Bestellungen',
    newCertificate: 'Neues Zertifikat',
    calendar: 'Kalender',
    templates: 'Vorlagen',
    accounts: 'Konten',
    hosts: 'Rechner',
    keys: 'API-Schlüssel',
    deliveries: 'Zustellungen',
    audit: 'Protokoll',
    queue: 'Warteschlange',
    authority: 'Eigene CA',
  },
  notFound: {
    title: 'Diese Seite gibt es nicht',
    text: 'Die Adresse ist vielleicht falsch geschrieben oder gehört zu einer anderen Version.',
    back: 'Zur Übersicht',
  },
  unexpected: {
    title: 'Diese Seite kann nicht angezeigt werden',
    message: 'In diesem Teil der Seite ist etwas fehlgeschlagen.',
    cure: 'Laden Sie die Seite neu: der Server ist vielleicht neuer als das, was Ihr Browser geladen hat. Sonst melden Sie es mit dem Inhalt der Konsole des Browsers.',
  },
  disconnected:
    'Der Server ist nicht erreichbar. Was Sie sehen, kann veraltet sein; die Seite versucht es von selbst wieder.',
  signIn: {
    title: 'Anmelden',
    text: 'Verwenden Sie einen API-Schlüssel dieses Servers. Der Browser behält ihn nicht: er bekommt eine Sitzung, die von selbst endet.',
    key: 'API-Schlüssel',
    submit: 'Anmelden',
    empty:
      'Geben Sie einen Schlüssel ein. Der Server nennt beim ersten Start die Datei seines ersten Schlüssels; acmex server key create macht einen weiteren.',
    ended: 'Ihre Sitzung ist beendet. Melden Sie sich wieder an.',
    refusals: {
      ERR_SERVER_UNAUTHENTICATED:
        'Der Server kennt diesen Schlüssel nicht, oder er ist abgelaufen. Prüfen Sie, ob er ganz kopiert ist.',
      ERR_SERVER_THROTTLED:
        'Zu viele Schlüssel waren nicht gültig. Warten Sie eine Minute und versuchen Sie es noch einmal.',
      ERR_SERVER_CLEAR_SESSION:
        'Diese Adresse ist nicht https: jeder auf dem Weg könnte die Sitzung lesen. Verwenden Sie die https-Adresse des Servers.',
      ERR_API_UNREACHABLE:
        'Der Server ist nicht erreichbar. Prüfen Sie Ihre Verbindung und versuchen Sie es noch einmal.',
      ERR_API_ANSWER:
        'Die Antwort des Servers ist nicht lesbar. Laden Sie die Seite neu und prüfen Sie, ob ihre Adresse stimmt.',
    },
    left: 'Sie sind abgemeldet.',
    at: (provider) => `Anmelden mit ${provider}`,
    orKey: 'Oder mit einem API-Schlüssel',
    failures: {
      ERR_SERVER_SIGN_IN_STATE:
        'Diese Anmeldung hat nicht in diesem Browser begonnen, länger als zehn Minuten gedauert oder wurde schon benutzt. Beginnen Sie noch einmal, in einem einzigen Tab.',
      ERR_SERVER_SIGN_IN_DENIED:
        'Der Anbieter hat die Anmeldung abgelehnt. Melden Sie sich noch einmal an; hilft das nicht, bitten Sie dort um Zugang.',
      ERR_SERVER_SIGN_IN_FAILED:
        'Die Antwort des Anbieters ist nicht brauchbar. Der Grund steht im Log des Servers: fragen Sie, wer ihn verwaltet.',
      ERR_SERVER_SIGN_IN_RIGHTS:
        'Der Anbieter kennt Sie, gibt Ihnen hier aber keine Rechte. Bitten Sie dort um einen Mandanten und um Berechtigungen.',
      ERR_SERVER_CLEAR_SESSION:
        'Über http könnte die Sitzung unterwegs gelesen werden. Öffnen Sie diese Seite über https.',
      ERR_SERVER_REQUEST:
        'Der Link zu dieser Anmeldung führt zu einer anderen Website. Melden Sie sich hier an.',
      ERR_SERVER_THROTTLED:
        'Es waren zu viele Anmeldungen. Warten Sie eine Minute und melden Sie sich dann wieder an.',
      ERR_SERVER_UNAVAILABLE:
        'Der Anbieter antwortet nicht. Melden Sie sich in einer halben Minute noch einmal an, oder mit einem API-Schlüssel.',
    },
  },
  signOut: 'Abmelden',
  notSignedOut:
    'Der Server hat Ihre Sitzung nicht beendet. Prüfen Sie Ihre Verbindung und melden Sie sich noch einmal ab.',
  signedInAs: (name) => `Angemeldet als ${name}`,
  language: 'Sprache',
  languages: { en: 'English', de: 'Deutsch' },
  loading: 'Wird geladen…',
  retry: 'Noch einmal versuchen',
  close: 'Schließen',
  cancel: 'Abbrechen',
  copy: 'Kopieren',
  copied: 'Kopiert',
  notCopied:
    'Der Browser lässt diese Seite nicht kopieren; über http lässt er es nie. Markieren und kopieren Sie den Text selbst.',
  required: 'erforderlich',
  labelFault: (line) => `„${line}“ ist nicht NAME=WERT mit Buchstaben, Ziffern und _ . @ + -`,
  whatToDo: 'Was zu tun ist',
  code: 'Code',
  revocationReasons: {
    unspecified: 'kein Grund',
    superseded: 'ein anderes Zertifikat ersetzt es',
    cessationOfOperation: 'die Namen werden nicht mehr benutzt',
    affiliationChanged: 'die Namen gehören jemand anderem',
    privilegeWithdrawn: 'das Recht darauf wurde entzogen',
    keyCompromise: 'jemand anderes hat vielleicht den privaten Schlüssel',
  },
  awaitsRecords: 'DNS-Einträge setzen',
  states: {
    valid: 'gültig',
    due: 'fällig',
    failing: 'schlägt fehl',
    waiting: 'wartet auf ein Limit',
    unissued: 'noch nicht ausgestellt',
    paused: 'angehalten',
    revoked: 'widerrufen',
    expired: 'abgelaufen',
    pending: 'wartet',
    running: 'wird ausgestellt',
    succeeded: 'ausgestellt',
    failed: 'fehlgeschlagen',
    cancelled: 'abgebrochen',
    deactivated: 'deaktiviert',
    current: 'aktuell',
    behind: 'veraltet',
    undelivered: 'aufgegeben',
  },
};
