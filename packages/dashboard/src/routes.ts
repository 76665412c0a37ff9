/**
 * The addresses of the page's screens, as patterns of a router: `:name` is one segment. The server
 * answers each with the page, and the page shows the screen.
 */
export const routes = {
  overview: '/',
  certificates: '/certificates',
  certificate: '/certificates/:id',
  order: '/orders/:id',
  orders: '/orders',
  newCertificate: '/new',
  calendar: '/calendar',
  templates: '/templates',
  accounts: '/accounts',
  hosts: '/hosts',
  keys: '/keys',
  deliveries: '/deliveries',
  audit: '/audit',
  queue: '/queue',
  authority: '/authority',
} as const;

export type Screen = keyof typeof routes;
