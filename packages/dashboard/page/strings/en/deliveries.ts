export const deliveries = {
  title: 'Deliveries',
  text: 'Notifications that have not reached their receivers. Each is tried for a day, and then given up; what was given up is stored for 90 days.',
  empty:
    'No notification waits, and none was given up. Receivers are set in [notifications] of acmex.toml.',
  noneHere: 'There is nothing for you on this page.',
  firstPage: 'First page',
  nextPage: 'Next page',
  never: 'none',
  noAttempt: 'none yet',
  inTurn: 'after those before it',
  attempts: (count: number) => (count === 1 ? '1 attempt, begun' : `${count} attempts, begun`),
  columns: {
    state: 'State',
    receiver: 'Receiver',
    title: 'About',
    attempts: 'Attempts',
    failure: 'Last failure',
    next: 'Next attempt',
    actions: 'Actions',
  },
  replay: {
    title: 'Send a notification again',
    action: 'Send again',
    text: 'It is sent with the same id to each receiver that did not get it, for another day at most.',
    done: 'The notification is sent again.',
  },
} as const;
