// Made from the code of the server by `npm run docs`.

export interface paths {
  '/api/accounts': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List the accounts that are kept
     * @description Needs the scope `accounts:read`: See accounts at CAs.
     */
    get: operations['getApiAccounts'];
    put?: never;
    /**
     * Register an account at a CA, or find the one that is there
     * @description Needs the scope `accounts:write`: Register, change and give up accounts at CAs.
     */
    post: operations['postApiAccounts'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/accounts/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Ask the CA for an account
     * @description Needs the scope `accounts:read`: See accounts at CAs.
     */
    get: operations['getApiAccountsId'];
    put?: never;
    post?: never;
    /**
     * Give an account up, for good; its certificates stay valid and are not renewed
     * @description Needs the scope `accounts:write`: Register, change and give up accounts at CAs.
     */
    delete: operations['deleteApiAccountsId'];
    options?: never;
    head?: never;
    /**
     * Change where the CA can reach you
     * @description Needs the scope `accounts:write`: Register, change and give up accounts at CAs.
     */
    patch: operations['patchApiAccountsId'];
    trace?: never;
  };
  '/api/accounts/{id}/rotate-key': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Give an account another key
     * @description Needs the scope `accounts:write`: Register, change and give up accounts at CAs.
     */
    post: operations['postApiAccountsIdRotateKey'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/orders': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List orders
     * @description Needs the scope `orders:read`: See orders, and watch them.
     */
    get: operations['getApiOrders'];
    put?: never;
    /**
     * Order a certificate
     * @description Needs the scope `orders:write`: Order, renew, cancel and retry.
     */
    post: operations['postApiOrders'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/certificates/{id}/renew': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Renew a certificate, due or not
     * @description Needs the scope `orders:write`: Order, renew, cancel and retry.
     */
    post: operations['postApiCertificatesIdRenew'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/orders/renew-all': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Renew everything, up to 500 certificates a request
     * @description Needs the scope `orders:write`: Order, renew, cancel and retry.
     */
    post: operations['postApiOrdersRenewAll'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/orders/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Look at an order
     * @description Needs the scope `orders:read`: See orders, and watch them.
     */
    get: operations['getApiOrdersId'];
    put?: never;
    post?: never;
    /**
     * Cancel an order
     * @description Needs the scope `orders:write`: Order, renew, cancel and retry.
     */
    delete: operations['deleteApiOrdersId'];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/orders/{id}/retry': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Try an order again now
     * @description Needs the scope `orders:write`: Order, renew, cancel and retry.
     */
    post: operations['postApiOrdersIdRetry'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/orders/{id}/events': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Watch an order
     * @description Needs the scope `orders:read`: See orders, and watch them.
     */
    get: operations['getApiOrdersIdEvents'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/orders/check': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Check an order before it is made
     * @description Needs the scope `orders:write`: Order, renew, cancel and retry.
     */
    post: operations['postApiOrdersCheck'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/orders/{id}/records/check': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Look up the records that a person sets for an order
     * @description Needs the scope `orders:write`: Order, renew, cancel and retry.
     */
    post: operations['postApiOrdersIdRecordsCheck'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/certificates': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List certificates
     * @description Needs the scope `certificates:read`: See certificates and their chains.
     */
    get: operations['getApiCertificates'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/certificates/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Look at a certificate
     * @description Needs the scope `certificates:read`: See certificates and their chains.
     */
    get: operations['getApiCertificatesId'];
    put?: never;
    post?: never;
    /**
     * Forget a certificate and its keys; nothing is revoked
     * @description Needs the scope `certificates:write`: Declare, change, pause and remove certificates.
     */
    delete: operations['deleteApiCertificatesId'];
    options?: never;
    head?: never;
    /**
     * Change some values of a certificate: it is ordered again where that needs it, and what is absent stays
     * @description Needs the scope `certificates:write`: Declare, change, pause and remove certificates.
     */
    patch: operations['patchApiCertificatesId'];
    trace?: never;
  };
  '/api/certificates/{id}/refused': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List what the CA issued for it that is not used, because it is not what was ordered
     * @description Needs the scope `certificates:read`: See certificates and their chains.
     */
    get: operations['getApiCertificatesIdRefused'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/certificates/{name}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    /**
     * Declare what a certificate is to be: it is made, or changed, and ordered where that needs it
     * @description Needs the scope `certificates:write`: Declare, change, pause and remove certificates.
     */
    put: operations['putApiCertificatesName'];
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/certificates/{id}/revoke': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Revoke the certificate that is in use, or one that it has replaced
     * @description Needs the scope `certificates:revoke`: Revoke certificates.
     */
    post: operations['postApiCertificatesIdRevoke'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/certificates/actions': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Renew, pause, resume, label or revoke all certificates that match a filter, up to 500 a request
     * @description Needs the scope `certificates:read`: See certificates and their chains.
     */
    post: operations['postApiCertificatesActions'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/certificates/summary': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Count certificates by state, and expiries and planned renewals by day
     * @description Needs the scope `certificates:read`: See certificates and their chains.
     */
    get: operations['getApiCertificatesSummary'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/templates': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List the templates of certificates
     * @description Needs the scope `certificates:read`: See certificates and their chains.
     */
    get: operations['getApiTemplates'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/templates/{name}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Look at a template
     * @description Needs the scope `certificates:read`: See certificates and their chains.
     */
    get: operations['getApiTemplatesName'];
    /**
     * Create or replace a template, which orders and declared certificates name as `template`
     * @description Needs the scope `certificates:write`: Declare, change, pause and remove certificates.
     */
    put: operations['putApiTemplatesName'];
    post?: never;
    /**
     * Remove a template; certificates that were ordered with it stay as they are
     * @description Needs the scope `certificates:write`: Declare, change, pause and remove certificates.
     */
    delete: operations['deleteApiTemplatesName'];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/issuers': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List the CAs that certificates can be ordered from
     * @description Needs the scope `certificates:read`: See certificates and their chains.
     */
    get: operations['getApiIssuers'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/dns-providers': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List the DNS providers that can write the records of challenges
     * @description Needs the scope `certificates:read`: See certificates and their chains.
     */
    get: operations['getApiDnsProviders'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/certificates/{id}/chain': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Get the certificate with its chain
     * @description Needs the scope `certificates:read`: See certificates and their chains.
     */
    get: operations['getApiCertificatesIdChain'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/certificates/{id}/private-key': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Get the private key; each reading is an event
     * @description Needs the scope `private-keys:read`: Read private keys; each reading is an event.
     */
    get: operations['getApiCertificatesIdPrivateKey'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/certificates/{id}/bundle': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Get private key, certificate and chain in one
     * @description Needs the scope `private-keys:read`: Read private keys; each reading is an event.
     */
    get: operations['getApiCertificatesIdBundle'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/certificates/{id}/details': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Look into the certificate that is in use and its chain
     * @description Needs the scope `certificates:read`: See certificates and their chains.
     */
    get: operations['getApiCertificatesIdDetails'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/certificates/{id}/status': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Check chain, revocation and what is served
     * @description Needs the scope `certificates:read`: See certificates and their chains.
     */
    get: operations['getApiCertificatesIdStatus'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/certificates/{id}/timeline': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Read what happened to a certificate, the newest first
     * @description Needs the scope `events:read`: Read what happened.
     */
    get: operations['getApiCertificatesIdTimeline'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/calendar.ics': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * The expiries and planned renewals of the next year, for calendar programs
     * @description Needs the scope `certificates:read`: See certificates and their chains.
     */
    get: operations['getApiCalendarIcs'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/calendar-tokens': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List the calendar tokens of the key; with the scope keys:read, of the tenant
     * @description Needs the scope `certificates:read`: See certificates and their chains.
     */
    get: operations['getApiCalendarTokens'];
    put?: never;
    /**
     * Make a token that reads the calendar, and nothing else, with the names of the key
     * @description Needs the scope `certificates:read`: See certificates and their chains.
     */
    post: operations['postApiCalendarTokens'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/calendar-tokens/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    post?: never;
    /**
     * Revoke a calendar token of the key; with the scope keys:write, of the tenant
     * @description Needs the scope `certificates:read`: See certificates and their chains.
     */
    delete: operations['deleteApiCalendarTokensId'];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/agents': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * See which host serves which certificate
     * @description Needs the scope `agents:read`: See which host serves which certificate.
     */
    get: operations['getApiAgents'];
    put?: never;
    /**
     * Report what a host serves: its name belongs to the first key that does, while it is valid
     * @description Needs the scope `agents:write`: Report what a host serves, and remove the reports of hosts.
     */
    post: operations['postApiAgents'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/agents/{name}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    post?: never;
    /**
     * Remove the reports of a host: by its own key, or by one for every name
     * @description Needs the scope `agents:write`: Report what a host serves, and remove the reports of hosts.
     */
    delete: operations['deleteApiAgentsName'];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/ca': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * See the own CA: its certificates and its CRLs
     * @description Needs the scope `ca:read`: See what your own CA has issued, its CRLs and its external accounts.
     */
    get: operations['getApiCa'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/ca/certificates': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List what the own CA has issued, the newest first
     * @description Needs the scope `ca:read`: See what your own CA has issued, its CRLs and its external accounts.
     */
    get: operations['getApiCaCertificates'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/ca/certificates/{serialNumber}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Look at a certificate of the own CA
     * @description Needs the scope `ca:read`: See what your own CA has issued, its CRLs and its external accounts.
     */
    get: operations['getApiCaCertificatesSerialNumber'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/ca/certificates/{serialNumber}/revoke': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Revoke a certificate of the own CA, for good
     * @description Needs the scope `ca:write`: Revoke certificates of your own CA, and make and revoke its external accounts.
     */
    post: operations['postApiCaCertificatesSerialNumberRevoke'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/ca/external-accounts': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List the external accounts of the own CA, the newest first
     * @description Needs the scope `ca:read`: See what your own CA has issued, its CRLs and its external accounts.
     */
    get: operations['getApiCaExternalAccounts'];
    put?: never;
    /**
     * Make an external account, with which a client may register at the own CA
     * @description Needs the scope `ca:write`: Revoke certificates of your own CA, and make and revoke its external accounts.
     */
    post: operations['postApiCaExternalAccounts'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/ca/external-accounts/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    post?: never;
    /**
     * Revoke an external account; ACME accounts that are bound to it stay
     * @description Needs the scope `ca:write`: Revoke certificates of your own CA, and make and revoke its external accounts.
     */
    delete: operations['deleteApiCaExternalAccountsId'];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/keys': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List the API keys of the tenant
     * @description Needs the scope `keys:read`: See API keys, without their secrets.
     */
    get: operations['getApiKeys'];
    put?: never;
    /**
     * Make an API key that is not wider than the own one
     * @description Needs the scope `keys:write`: Make API keys that are not wider than the own one, rotate and revoke them.
     */
    post: operations['postApiKeys'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/keys/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Look at an API key
     * @description Needs the scope `keys:read`: See API keys, without their secrets.
     */
    get: operations['getApiKeysId'];
    put?: never;
    post?: never;
    /**
     * Revoke a key at once
     * @description Needs the scope `keys:write`: Make API keys that are not wider than the own one, rotate and revoke them.
     */
    delete: operations['deleteApiKeysId'];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/keys/{id}/expire': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Give a key an end
     * @description Needs the scope `keys:write`: Make API keys that are not wider than the own one, rotate and revoke them.
     */
    post: operations['postApiKeysIdExpire'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/keys/{id}/rotate': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Give a key another secret; the one before is taken for a while longer
     * @description Needs the scope `keys:write`: Make API keys that are not wider than the own one, rotate and revoke them.
     */
    post: operations['postApiKeysIdRotate'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/session': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * See who is signed in, by a session, a key or a token
     * @description Needs a key, of whatever scopes.
     */
    get: operations['getApiSession'];
    put?: never;
    /**
     * Sign in with an API key in a browser, which gets a cookie
     * @description Needs no key.
     */
    post: operations['postApiSession'];
    /**
     * Sign out
     * @description Needs a key, of whatever scopes.
     */
    delete: operations['deleteApiSession'];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/sessions': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List the sessions of the tenant
     * @description Needs the scope `keys:read`: See API keys, without their secrets.
     */
    get: operations['getApiSessions'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/sessions/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    post?: never;
    /**
     * Revoke a session at once
     * @description Needs the scope `keys:write`: Make API keys that are not wider than the own one, rotate and revoke them.
     */
    delete: operations['deleteApiSessionsId'];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/sign-in': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * See how people can sign in, beside API keys
     * @description Needs no key.
     */
    get: operations['getApiSignIn'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/sign-in/oidc': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Begin to sign in at the OpenID Connect provider, in a browser
     * @description Needs no key.
     */
    get: operations['getApiSignInOidc'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/sign-in/oidc/callback': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Complete a sign-in: the OpenID Connect provider sends the browser here
     * @description Needs no key.
     */
    get: operations['getApiSignInOidcCallback'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/queue': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * See what waits, what is late, and what fails
     * @description Needs the scope `queue:read`: See what waits, is late, or fails.
     */
    get: operations['getApiQueue'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/queue/replay': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Try what failed again now
     * @description Needs the scope `queue:write`: Have what failed tried again.
     */
    post: operations['postApiQueueReplay'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/deliveries': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List the notifications that wait, then those that were given up
     * @description Needs the scope `queue:read`: See what waits, is late, or fails.
     */
    get: operations['getApiDeliveries'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/deliveries/{id}/replay': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Send a notification that was given up again, to each receiver that did not get it
     * @description Needs the scope `queue:write`: Have what failed tried again.
     */
    post: operations['postApiDeliveriesIdReplay'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/events': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Read what happened
     * @description Needs the scope `events:read`: Read what happened.
     */
    get: operations['getApiEvents'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/audit': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Read who did what
     * @description Needs the scope `audit:read`: Read and verify the audit log.
     */
    get: operations['getApiAudit'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/audit/verify': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Find out whether the audit log was changed, or a part of it is missing
     * @description Needs the scope `audit:read`: Read and verify the audit log.
     */
    get: operations['getApiAuditVerify'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/webhook': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Take a signed webhook (Standard Webhooks): webhook-id, webhook-timestamp, webhook-signature. A delivery that is repeated after an error continues where it ended
     * @description Needs a signature of a configured sender.
     */
    post: operations['postApiWebhook'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/health': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Whether the server runs
     * @description Needs no key.
     */
    get: operations['getHealth'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/health/ready': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Whether it can do its work
     * @description Needs no key; a valid key sees more.
     */
    get: operations['getHealthReady'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/metrics': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Metrics for Prometheus
     * @description Needs the scope `metrics:read`: Read the metrics.
     */
    get: operations['getMetrics'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/openapi.json': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * This API in OpenAPI 3.1
     * @description Needs a key, of whatever scopes.
     */
    get: operations['getOpenapiJson'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/docs': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * This API for people
     * @description Needs a key, of whatever scopes.
     */
    get: operations['getDocs'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
}
export type webhooks = Record<string, never>;
export interface components {
  schemas: {
    Account: {
      id: string;
      /** @description Its name in acmex.toml. */
      issuer: string;
      /** @description The account at the CA. */
      url?: string;
      /**
       * @description As the CA says it; absent in lists.
       * @enum {string}
       */
      status?: 'valid' | 'deactivated' | 'revoked';
      contact?: string[];
    };
    Order: {
      id: string;
      certificate: string;
      names: string[];
      issuer: string;
      /** @enum {string} */
      cause: 'obtain' | 'renewal' | 'suggested' | 'revoked' | 'request';
      /**
       * @description `pending`: it waits for its turn, for another try after a failure, or for records that a person sets.
       * @enum {string}
       */
      state: 'pending' | 'running' | 'succeeded' | 'failed' | 'cancelled';
      createdAt: string;
      updatedAt: string;
      /** @description The order at the CA. */
      url?: string;
      /** @description What was seen on the way, the newest hundred. */
      steps: components['schemas']['Step'][];
      /** @description For the DNS provider manual: the records that a person sets, all at once. */
      records?: components['schemas']['OrderRecord'][];
      /** @description Until when the CA accepts them, if it says so. After that it wants new values. */
      recordsUntil?: string;
      failure?: components['schemas']['Failure'];
      cancelRequested?: boolean;
      /** @description How many orders may be unused at the CA. */
      orphaned: number;
      /** @description What came of it. */
      generation?: number;
      explanationUrl?: string;
    };
    Step: {
      /** @description Counted from 1. */
      number: number;
      at: string;
      type: string;
      name?: string;
      message?: string;
    };
    OrderRecord: {
      /** @constant */
      type: 'TXT';
      /** @description The whole name, without a final dot. */
      name: string;
      value: string;
      /** @description The name that it validates. */
      domain: string;
      /**
       * @description `wanted`: set it; it was not seen at every server. `seen`: it was, at the last look. `removable`: the order does not need it any more, remove it where it is set.
       * @enum {string}
       */
      state: 'wanted' | 'seen' | 'removable';
    };
    Failure: {
      code: string;
      message: string;
      /** @description What to do about it. */
      cure?: string;
      /** @description RFC 3339 */
      at: string;
      /** @description How often in a row. */
      failures: number;
      /** @description RFC 3339 */
      retryAt: string;
      /** @description The CA's own problem document, with its subproblems. RFC 8555 §6.7 */
      problem?: {
        [key: string]: unknown;
      };
    };
    PlannedOrder: {
      /** @description In canonical form. */
      names: string[];
      issuer: string;
      profile?: string;
      preferredChain?: string;
      /** @enum {string} */
      keyType: 'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519';
      /** @enum {string} */
      secondKeyType?:
        'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519';
      reuseKey: boolean;
      mustStaple: boolean;
      challenge: string;
      /** @description For a challenge by DNS: the provider that writes the records of each name. */
      dnsProviders?: {
        [key: string]: string;
      };
      maintenanceWindows?: string[];
      /** @description The deploy targets that would get it. */
      deployTo: string[];
      labels: {
        [key: string]: string;
      };
      /** @description Certificates with the same names: the closest is changed and ordered again, and no new certificate is made. */
      certificates: string[];
      /** @description What would make the order fail: profile, CAA, ports, zone and DNSSEC, as seen from the server, which connects to public addresses only. Absent with `network: false`. */
      findings?: components['schemas']['OrderFinding'][];
    };
    OrderFinding: {
      code: string;
      /** @enum {string} */
      severity: 'error' | 'warning';
      /** @description What it is about: a name of the certificate, or its zone. */
      name: string;
      /** @description What was seen. */
      message: string;
      cure: string;
    };
    RecordCheck: {
      /** @constant */
      type: 'TXT';
      name: string;
      /** @description The value that is wanted. */
      value: string;
      domain: string;
      /** @description Of all servers that answer for the zone, or of the resolvers of acmex.toml. */
      answers: components['schemas']['RecordAnswer'][];
      /** @description Why no server could be asked. */
      error?: string;
    };
    RecordAnswer: {
      /** @description The address that was asked. */
      server: string;
      /**
       * @description `different`: the name has other values only. `absent`: it has none. `failed`: the server does not answer.
       * @enum {string}
       */
      state: 'seen' | 'different' | 'absent' | 'failed';
      /** @description What it shows, the first ten values. */
      values?: string[];
      error?: string;
    };
    Certificate: {
      id: string;
      names: string[];
      /** @enum {string} */
      state:
        'valid' | 'due' | 'failing' | 'waiting' | 'unissued' | 'paused' | 'revoked' | 'expired';
      /** @description The preferred one. */
      issuer: string;
      /** @description All issuers that may issue it, in the order in which they are used. */
      issuers: string[];
      profile?: string;
      preferredChain?: string;
      /** @enum {string} */
      keyType: 'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519';
      /**
       * @description Of the second key, where both are one certificate: see `current.second`.
       * @enum {string}
       */
      secondKeyType?:
        'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519';
      reuseKey: boolean;
      /** @enum {string} */
      challenge?: 'http-01' | 'dns-01' | 'tls-alpn-01';
      dnsProvider?: string;
      renewBeforeDays?: number;
      /** @description The windows in which it is renewed; absent for renewal.maintenance_windows of acmex.toml. */
      maintenanceWindows?: string[];
      labels: {
        [key: string]: string;
      };
      /** @description Whether names that are not validated again and again are left out. */
      allowSubsetOfNames?: boolean;
      /** @description The names that are not ordered at present, and why; absent for none. */
      leftOut?: {
        name: string;
        /** @description RFC 3339 */
        since: string;
        reason: string;
      }[];
      /** @description Whether acmex.toml asks for it. */
      declared: boolean;
      paused: boolean;
      /** @description RFC 3339 */
      createdAt: string;
      /** @description The certificate that is in use. */
      current?: {
        generation: number;
        /** @description The issuer that issued it; absent for one of an early version. */
        issuer?: string;
        /** @description Lower-case hexadecimal. */
        serialNumber: string;
        /** @description RFC 3339 */
        notBefore: string;
        /** @description RFC 3339 */
        notAfter: string;
        /** @description RFC 3339 */
        issuedAt: string;
        /** @description RFC 3339 */
        revokedAt?: string;
        /** @description The certificate of the second key, which is in use with the first. */
        second?: {
          /** @enum {string} */
          keyType?:
            'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519';
          /** @description Lower-case hexadecimal. */
          serialNumber: string;
          /** @description RFC 3339 */
          notBefore: string;
          /** @description RFC 3339 */
          notAfter: string;
          /** @description As `chains`. */
          chains: string[];
        };
        /** @description The names that it lacks, because they were left out. */
        leftOut?: string[];
        /** @description The trace of the order that issued it. W3C Trace Context §3.2 */
        traceparent?: string;
        /** @description What was unusual in the chain that the CA sent. */
        warnings?: string[];
        /** @description The common name of the issuer that each stored chain ends in: the chain in use, then the alternates of the CA. */
        chains?: string[];
      };
      renewal?: {
        /** @description RFC 3339 */
        at: string;
        /** @description As the CA suggests it. RFC 9773 */
        window?: {
          /** @description RFC 3339 */
          start: string;
          /** @description RFC 3339 */
          end: string;
        };
        explanationUrl?: string;
      };
      failure?: components['schemas']['Failure'];
      /** @description The deploy targets of acmex.toml that get it, by their names. */
      deployTo: string[];
      /** @description The generation that is deployed. */
      deployed?: number;
      deployFailure?: components['schemas']['Failure'];
      /** @description The order that is under way. */
      order?: string;
      /** @description Since when the order waits for DNS records that a person sets; it shows them. */
      awaits?: {
        /** @description RFC 3339 */
        since: string;
        /** @description Until when the CA accepts them; absent if it is unknown. */
        until?: string;
      };
    };
    RefusedCertificate: {
      id: string;
      /** @description What it was issued for. */
      order: string;
      /** @description RFC 3339 */
      at: string;
      /** @description Why it is not used. */
      code: string;
      message: string;
      /** @description PEM, as the CA sent it. */
      chain: string;
    };
    ActionResult: {
      /** @description How many match, from the cursor on: of a dry run, which looks at the first 20,000 certificates (those that can match, where the filter has no index), and of a revocation. */
      matched?: number;
      /** @description Of a revocation: how many of them are behind `next`. */
      remaining?: number;
      /** @description The certificates. */
      done: string[];
      /** @description The orders of renew. */
      orders: string[];
      /** @description The certificates for which it failed, and why. */
      failed: {
        id: string;
        code: string;
        message: string;
      }[];
      /** @description Where there are more: repeat with it as `cursor`. */
      next?: string;
      /** @description How many certificates were looked at. */
      scanned: number;
    };
    CertificateSummary: {
      states: {
        valid: number;
        due: number;
        failing: number;
        waiting: number;
        unissued: number;
        paused: number;
        revoked: number;
        expired: number;
      };
      /** @description Only days that have any. */
      days: {
        /** @description 2026-11-29 */
        date: string;
        /** @description How many expire on that day. */
        expiring: number;
        /** @description How many are to be renewed on it; paused ones are not. */
        renewing: number;
      }[];
      /** @description How many are being ordered. */
      underWay: number;
      /** @description How many of their orders wait for DNS records that a person sets. */
      awaiting: number;
      /** @description The newest 20 of their orders; those that wait for a person come first, and those that have failed come last. */
      orders: string[];
    };
    Template: {
      name: string;
      /** @description An issuer of acmex.toml; acme.issuers by default. */
      issuer?: string;
      /** @description Several issuers in place of `issuer`, in the order in which they are used: the next one issues where one does not work or refuses the certificate. */
      issuers?: string[];
      profile?: string;
      /** @description Chain to use where the CA offers several: the common name of the issuer at its end, or the SHA-256 fingerprint of a certificate in it; the issuer's preferred_chain by default. */
      preferredChain?: string;
      /**
       * @description ec-p256 by default. A key in a device keeps its type: a different one is refused.
       * @enum {string}
       */
      keyType?:
        'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519';
      /**
       * @description Of a second key: RSA beside an EC key, or EC beside RSA. Both certificates are one: they are issued, renewed, deployed and revoked together. A single key by default.
       * @enum {string}
       */
      secondKeyType?:
        'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519';
      /** @description Keep the private key at a renewal; a new one each time by default. */
      reuseKey?: boolean;
      /** @description Ask for a certificate that needs a stapled OCSP answer. */
      mustStaple?: boolean;
      /** @description Leave out names that are not validated again and again, so that the rest is issued; they are tried again each week at least. */
      allowSubsetOfNames?: boolean;
      /**
       * @description challenge.challenge_type of acmex.toml by default.
       * @enum {string}
       */
      challenge?: 'http-01' | 'dns-01' | 'tls-alpn-01';
      /** @description One of challenge.dns01.providers of acmex.toml; by default the provider configured for each name. `manual`: a person sets the records that the order shows. */
      dnsProvider?: string;
      renewBeforeDays?: number;
      /** @description The windows in which it is renewed, such as `Sat 02:00-06:00 Europe/Berlin`, unless a renewal is urgent; renewal.maintenance_windows of acmex.toml by default. `00:00-24:00` is at any time. Without days it is each day, and without a time zone in UTC. */
      maintenanceWindows?: string[];
      /** @description The deploy targets of acmex.toml, tables [deploy.NAME], that get it and each renewal; none by default. deploy_targets of acmex.toml has those that a request may name. */
      deployTo?: string[];
      labels?: {
        [key: string]: string;
      };
    };
    Issuer: {
      /** @description As requests name it. */
      name: string;
      /** @description For people. */
      title: string;
      /** @description The URL of its directory. RFC 8555 §7.1.1 */
      directory: string;
      /** @description Whether its certificates are for tests, and no one trusts them. */
      staging: boolean;
      /** @description Whether requests without an issuer use it. */
      isDefault: boolean;
      /** @description Why nothing is ordered there now; absent where it is used. */
      unavailable?: {
        /** @enum {string} */
        cause: 'limit' | 'outage' | 'action';
        since?: string;
        /** @description When an order tries it again. */
        until: string;
        code?: string;
        message?: string;
      };
      /** @description The profile of requests without one. */
      profile?: string;
      /** @description The profiles that it offers, with their descriptions; absent until its directory was read for an order. */
      profiles?: {
        [key: string]: string;
      };
      /** @description What is left of the orders of the account, and of each limit with a fifth or less left, at most fifty; absent where the limits of the CA are not known. */
      budgets?: {
        /** @enum {string} */
        limit:
          | 'new-orders'
          | 'certificates-per-domain'
          | 'certificates-per-name-set'
          | 'failed-validations'
          | 'consecutive-failed-validations';
        /** @description The domain, the name or the names; absent for the orders of the account. */
        subject?: string;
        /** @description How many the CA allows at once. */
        capacity: number;
        /** @description How many are left. */
        available: number;
        /** @description When all are there again if none is taken; absent where they are. */
        fullAt?: string;
      }[];
    };
    DnsProvider: {
      /** @description As requests name it. */
      name: string;
      /** @description The kind of host. */
      type: string;
      /** @description The kind of host, for people. */
      title: string;
      /** @description The names whose records it writes; all where it is absent. */
      zones?: string[];
      /** @description Whether it writes the records of names that no other provider is for. */
      isDefault: boolean;
      /** @description Whether a person sets the records, as each order then shows them; a renewal waits for that too. */
      attended: boolean;
    };
    CertificateDetails: {
      id: string;
      generation: number;
      /** @description The certificate, then its issuers as the CA sent them: mostly without the root. Their texts are whatever the CA wrote. */
      chain: components['schemas']['ChainMember'][];
    };
    ChainMember: {
      /** @description In the order of the certificate, with the escapes of RFC 4514 §2.4; may be empty. */
      subject: string;
      /** @description As the subject. */
      issuer: string;
      /** @description Of its subjectAltName; other names than DNS names and IP addresses have a prefix, such as `email:`. */
      names: string[];
      /** @description Lower-case hexadecimal. */
      serialNumber: string;
      /** @description RFC 3339 */
      notBefore: string;
      /** @description RFC 3339 */
      notAfter: string;
      /** @description As `keyType` of a certificate, or in words. */
      keyType: string;
      /** @description SHA-256, lower-case hexadecimal. */
      fingerprint: string;
      /** @description As old software shows it. Lower-case hexadecimal. */
      sha1Fingerprint: string;
      /** @description SHA-256 of the public key, base64. RFC 7469 §2.4 */
      spkiPin: string;
      isCa: boolean;
      /** @description RFC 7633 */
      mustStaple: boolean;
      /** @description What its key may be used for; empty for anything. RFC 5280 §4.2.1.12 */
      purposes: string[];
      extensions: {
        /** @description The object identifier. */
        id: string;
        /** @description As its RFC writes it. */
        name?: string;
        critical: boolean;
      }[];
    };
    CertificateStatus: {
      id: string;
      generation: number;
      chain:
        | {
            /** @constant */
            status: 'valid';
            /** @description When this was seen. RFC 3339 */
            seenAt: string;
            /** @description Subjects, from the certificate to the trusted root. */
            path: string[];
            /** @description The trusted root. */
            anchor: {
              subject: string;
              /** @description SHA-256, lower-case hexadecimal. */
              fingerprint: string;
              /**
               * @description The public roots, or the ca_certificate or trust_anchors of the CA.
               * @enum {string}
               */
              source: 'public' | 'issuer';
              /** @description The CA that names it. */
              issuer?: string;
            };
          }
        | {
            /** @constant */
            status: 'invalid';
            /** @description When this was seen. RFC 3339 */
            seenAt: string;
            reason: string;
          };
      /** @description `good` only with a fresh proof of the issuer. */
      revocation:
        | {
            /** @constant */
            status: 'good';
            /** @description When this was seen. RFC 3339 */
            seenAt: string;
            /** @enum {string} */
            source: 'ocsp' | 'crl';
            /** @description The end of the proof. RFC 3339 */
            until?: string;
          }
        | {
            /** @constant */
            status: 'revoked';
            /** @description When this was seen. RFC 3339 */
            seenAt: string;
            /** @enum {string} */
            source: 'ocsp' | 'crl';
            /** @description RFC 3339 */
            at: string;
            reason: string;
          }
        | {
            /** @constant */
            status: 'unknown';
            /** @description When this was seen. RFC 3339 */
            seenAt: string;
            reason: string;
          };
      /** @description What each name serves on port 443, at each of its public addresses; of two key types, either is the same. */
      served: (
        | {
            host: string;
            port: number;
            address?: string;
            /** @description When this was seen. RFC 3339 */
            seenAt: string;
            /** @constant */
            status: 'same';
          }
        | {
            host: string;
            port: number;
            address?: string;
            /** @description When this was seen. RFC 3339 */
            seenAt: string;
            /** @constant */
            status: 'different';
            serialNumber: string;
            /** @description SHA-256, lower-case hexadecimal. */
            fingerprint: string;
            /** @description When the served certificate ends. RFC 3339 */
            notAfter?: string;
          }
        | {
            host: string;
            port: number;
            address?: string;
            /** @description When this was seen. RFC 3339 */
            seenAt: string;
            /** @constant */
            status: 'unknown';
            reason: string;
          }
      )[];
    };
    TimelineEntry: {
      id: string;
      /** @enum {string} */
      type:
        | 'renewal_started'
        | 'renewal_success'
        | 'renewal_failed'
        | 'renewal_skipped'
        | 'name_left_out'
        | 'name_taken_back'
        | 'renewal_window_ignored'
        | 'account_registered'
        | 'account_updated'
        | 'account_key_changed'
        | 'user_action_required'
        | 'terms_accepted'
        | 'issuer_unavailable'
        | 'issuer_available'
        | 'issuer_changed'
        | 'order_given_up'
        | 'challenge_record_wanted'
        | 'challenge_created'
        | 'challenge_validated'
        | 'challenge_failed'
        | 'order_created'
        | 'order_cancelled'
        | 'order_orphaned'
        | 'certificate_added'
        | 'certificate_changed'
        | 'certificate_obtained'
        | 'certificate_deployed'
        | 'deployment_failed'
        | 'certificate_expired'
        | 'certificate_expiring'
        | 'renewal_late'
        | 'served_certificate_differs'
        | 'served_certificate_unreachable'
        | 'alarm_resolved'
        | 'certificate_revoked'
        | 'revocation_detected'
        | 'private_key_read'
        | 'api_key_created'
        | 'api_key_changed'
        | 'api_key_revoked'
        | 'session_created'
        | 'session_ended'
        | 'session_revoked'
        | 'calendar_token_created'
        | 'calendar_token_revoked'
        | 'audit_sealed'
        | 'certificate_removed';
      time: string;
      certificate?: string;
      order?: string;
      names?: string[];
      issuer?: string;
      /** @description Who asked for it. */
      actor?: string;
      message?: string;
      code?: string;
      explanationUrl?: string;
      labels?: {
        [key: string]: string;
      };
      /**
       * @description Which alarm of the certificate it raises or resolves.
       * @enum {string}
       */
      alarm?: 'renewal' | 'served';
      /** @description The trace that it belongs to: 32 hexadecimal digits. */
      traceId?: string;
      /** @description Who asked for it, and from where. */
      origin?: {
        program?: string;
        host?: string;
        user?: string;
        actor?: string;
        address?: string;
        traceId?: string;
      };
    };
    NewCalendarToken: {
      id: string;
      title?: string;
      /** @description The id of the API key that it ends with. */
      key: string;
      /** @description The title of that key. */
      keyTitle?: string;
      createdAt: string;
      /** @description To the hour. */
      lastUsedAt?: string;
      token: string;
    };
    CalendarToken: {
      id: string;
      title?: string;
      /** @description The id of the API key that it ends with. */
      key: string;
      /** @description The title of that key. */
      keyTitle?: string;
      createdAt: string;
      /** @description To the hour. */
      lastUsedAt?: string;
    };
    AgentReport: {
      /** @description The name of the host. */
      agent: string;
      certificate: string;
      names: string[];
      /**
       * @description `current`: it serves the current certificate. `behind`: it serves another certificate, or none.
       * @enum {string}
       */
      state: 'current' | 'behind';
      /** @description Of the certificate that the host serves; absent while it serves none. */
      serialNumber?: string;
      /**
       * @description `probe`: the agent saw the certificate on its port. `files`: the agent wrote the files, and the hook succeeded.
       * @enum {string}
       */
      evidence?: 'probe' | 'files';
      /** @description Since when the agent reports this serial number. */
      since: string;
      /** @description Why the host does not serve the current certificate. */
      failure?: {
        code: string;
        since: string;
      };
      /** @description When the agent last reported. */
      reportedAt: string;
      /** @description The id of the key that reported it. */
      by: string;
    };
    CertificateAuthority: {
      /** @enum {string} */
      kind: 'private' | 'development';
      root: {
        certificate: components['schemas']['ChainMember'];
        pem: string;
      };
      /** @description The one that issues, then those before it. */
      issuers: {
        /** @description Counts the issuing certificates of the CA, from 1. */
        generation: number;
        certificate: components['schemas']['ChainMember'];
        pem: string;
        /** @description Absent until a client has asked for the first one. */
        crl?: {
          /** @description Grows with each list. RFC 5280 §5.2.3 */
          number: number;
          /** @description RFC 3339 */
          thisUpdate: string;
          /** @description RFC 3339 */
          nextUpdate: string;
          /**
           * @description `due`: more than half of its life is over, so the next one is signed when a client asks for it. `overdue`: nextUpdate is past, so clients no longer accept it.
           * @enum {string}
           */
          state: 'current' | 'due' | 'overdue';
          /** @description Whether nothing was revoked since: else the next list has the rest. */
          isComplete: boolean;
        };
        /** @description The certificate that signs OCSP responses; absent where there is none. */
        ocspResponder?: {
          /** @description RFC 3339 */
          notAfter: string;
        };
      }[];
      /** @description The list of revoked issuing certificates, which acmex ca root-crl signs. */
      rootCrl?: {
        /** @description RFC 3339 */
        nextUpdate: string;
        isOverdue: boolean;
      };
    };
    IssuedCertificate: {
      /** @description Lower-case hexadecimal. */
      serialNumber: string;
      names: string[];
      /**
       * @description A revoked one stays `revoked` when it expires.
       * @enum {string}
       */
      status: 'valid' | 'revoked' | 'expired';
      profile: string;
      /** @description The id of the ACME account. */
      account: string;
      /** @description Of the issuing certificate, from 1. */
      generation: number;
      /** @description RFC 3339 */
      issuedAt: string;
      /** @description RFC 3339 */
      notBefore: string;
      /** @description RFC 3339 */
      notAfter: string;
      revoked?: {
        /** @description RFC 3339 */
        at: string;
        /**
         * @description RFC 5280 §5.3.1
         * @enum {string}
         */
        reason:
          | 'unspecified'
          | 'keyCompromise'
          | 'caCompromise'
          | 'affiliationChanged'
          | 'superseded'
          | 'cessationOfOperation'
          | 'certificateHold'
          | 'removeFromCRL'
          | 'privilegeWithdrawn'
          | 'aaCompromise';
      };
    };
    ExternalAccount: {
      /** @description What a client sends as the key identifier. RFC 8555 §7.3.4 */
      id: string;
      /** @description Who it is for; may be empty. */
      description: string;
      /** @description Whether more than one ACME account may be bound to it. */
      isReusable: boolean;
      /**
       * @description `bound`: an ACME account is bound to it, the last one as `account`.
       * @enum {string}
       */
      state: 'unused' | 'bound' | 'revoked';
      account?: string;
      createdAt: string;
      revokedAt?: string;
    };
    Key: {
      id: string;
      title?: string;
      scopes: (
        | 'certificates:read'
        | 'certificates:write'
        | 'certificates:revoke'
        | 'private-keys:read'
        | 'orders:read'
        | 'orders:write'
        | 'agents:read'
        | 'agents:write'
        | 'accounts:read'
        | 'accounts:write'
        | 'ca:read'
        | 'ca:write'
        | 'keys:read'
        | 'keys:write'
        | 'events:read'
        | 'audit:read'
        | 'queue:read'
        | 'queue:write'
        | 'metrics:read'
      )[];
      names: string[];
      /** @description Deploy targets that it may name; absent for all of its tenant. */
      deployTargets?: string[];
      createdAt: string;
      createdBy: string;
      expiresAt?: string;
      revokedAt?: string;
      /** @description To the hour. */
      lastUsedAt?: string;
      /** @description Two while it is being rotated. */
      secrets: number;
    };
    SignedIn: {
      /** @description The id of the session; absent for a key or token. */
      id?: string;
      /** @description The id of the API key, or the name of the holder of a token. */
      key: string;
      /** @description The title of the API key, or the name of the person. */
      title?: string;
      tenant: string;
      scopes: (
        | 'certificates:read'
        | 'certificates:write'
        | 'certificates:revoke'
        | 'private-keys:read'
        | 'orders:read'
        | 'orders:write'
        | 'agents:read'
        | 'agents:write'
        | 'accounts:read'
        | 'accounts:write'
        | 'ca:read'
        | 'ca:write'
        | 'keys:read'
        | 'keys:write'
        | 'events:read'
        | 'audit:read'
        | 'queue:read'
        | 'queue:write'
        | 'metrics:read'
      )[];
      names: string[];
      /** @description The latest end. A session that is not used ends after an hour. */
      expiresAt?: string;
      /** @description The latest end of API keys that it makes: that of its own key or token, or of the session of a person; absent for none. */
      keysExpireAt?: string;
      /** @description Requests of the session that change something send it as `X-CSRF-Token`; absent for a key or token. */
      csrf?: string;
    };
    Session: {
      id: string;
      /** @description The id of the API key that it began with, or of the person: `oidc:…`. */
      key: string;
      /** @description The title of the API key, or the name of the person. */
      title?: string;
      createdAt: string;
      /** @description To the minute. */
      lastUsedAt: string;
      expiresAt: string;
      /** @description Where it was begun. */
      address: string;
      /** @description What the browser calls itself, cut. */
      userAgent?: string;
      /** @description Whether the request is of this session. */
      isCurrent: boolean;
    };
    SignInMethods: {
      /** @description The OpenID Connect provider, if people can sign in there. */
      oidc?: {
        /** @description What people call the provider. */
        name: string;
      };
    };
    Delivery: {
      /** @description Of the notification. A webhook has it as `webhook-id`. */
      id: string;
      /**
       * @description `waiting`: it is sent, or sent again. `dead`: it is not sent unless it is replayed.
       * @enum {string}
       */
      state: 'waiting' | 'dead';
      /** @description Its name in acmex.toml. */
      receiver: string;
      /** @description The type of its event; `report` for several. */
      type: string;
      /** @enum {string} */
      severity: 'info' | 'warning' | 'error';
      /** @description What happened, in one line. */
      title: string;
      /** @description What it is about, as ids. */
      certificates: string[];
      /** @description When the attempts began. */
      createdAt: string;
      attempts: number;
      /** @description When it is sent next; absent for a dead letter. */
      nextAt?: string;
      /** @description Why the last attempt failed. It names the host of the receiver, and no secret. */
      failure?: {
        code: string;
        message: string;
        at: string;
      };
    };
    Event: {
      id: string;
      /** @enum {string} */
      type:
        | 'renewal_started'
        | 'renewal_success'
        | 'renewal_failed'
        | 'renewal_skipped'
        | 'name_left_out'
        | 'name_taken_back'
        | 'renewal_window_ignored'
        | 'account_registered'
        | 'account_updated'
        | 'account_key_changed'
        | 'user_action_required'
        | 'terms_accepted'
        | 'issuer_unavailable'
        | 'issuer_available'
        | 'issuer_changed'
        | 'order_given_up'
        | 'challenge_record_wanted'
        | 'challenge_created'
        | 'challenge_validated'
        | 'challenge_failed'
        | 'order_created'
        | 'order_cancelled'
        | 'order_orphaned'
        | 'certificate_added'
        | 'certificate_changed'
        | 'certificate_obtained'
        | 'certificate_deployed'
        | 'deployment_failed'
        | 'certificate_expired'
        | 'certificate_expiring'
        | 'renewal_late'
        | 'served_certificate_differs'
        | 'served_certificate_unreachable'
        | 'alarm_resolved'
        | 'certificate_revoked'
        | 'revocation_detected'
        | 'private_key_read'
        | 'api_key_created'
        | 'api_key_changed'
        | 'api_key_revoked'
        | 'session_created'
        | 'session_ended'
        | 'session_revoked'
        | 'calendar_token_created'
        | 'calendar_token_revoked'
        | 'audit_sealed'
        | 'certificate_removed';
      time: string;
      certificate?: string;
      order?: string;
      names?: string[];
      issuer?: string;
      /** @description Who asked for it. */
      actor?: string;
      message?: string;
      code?: string;
      explanationUrl?: string;
      labels?: {
        [key: string]: string;
      };
      /**
       * @description Which alarm of the certificate it raises or resolves.
       * @enum {string}
       */
      alarm?: 'renewal' | 'served';
      /** @description The trace that it belongs to: 32 hexadecimal digits. */
      traceId?: string;
    };
    AuditRecord: {
      id: string;
      time: string;
      /** @description The chain that the record belongs to: one of each process. */
      writer: string;
      /** @description Its place in the chain. */
      sequence: number;
      /** @description SHA-256 of the previous record of the chain; empty for the first. */
      previous: string;
      /** @description Who asked for it, and from where. */
      origin: {
        program?: string;
        host?: string;
        user?: string;
        actor?: string;
        address?: string;
        traceId?: string;
      };
      actions: {
        /** @description The id of the event. */
        event: string;
        /** @description The type of the event. */
        type: string;
        names?: string[];
        tenant?: string;
        certificate?: string;
        order?: string;
        issuer?: string;
        actor?: string;
        message?: string;
        code?: string;
        traceId?: string;
      }[];
    };
    Problem: {
      /** @description urn:acmex:error: and the code. */
      type: string;
      title: string;
      status: number;
      detail: string;
      /** @description Stable, for programs. */
      code: string;
      /** @description What to do about it. */
      cure?: string;
      /** @description Of a fault of the server: what to look for in its log. */
      instance?: string;
      /** @description Fields of the body by JSON pointer, or parameters, that are wrong. */
      errors?: {
        pointer?: string;
        parameter?: string;
        detail: string;
      }[];
      /** @description The CA's own problem document. RFC 8555 §6.7 */
      acme?: {
        [key: string]: unknown;
      };
    };
  };
  responses: {
    /** @description What went wrong. */
    Problem: {
      headers: {
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
  };
  parameters: never;
  requestBodies: never;
  headers: never;
  pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
  getApiAccounts: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description All of them; the CAs are not asked. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            items: components['schemas']['Account'][];
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  postApiAccounts: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: {
      content: {
        'application/json': {
          /** @description An issuer of acmex.toml; the one of [acme] by default. */
          issuer?: string;
          email?: string;
          /** @description Whether you have read the CA's terms of service, and agree; tos_agreed of acmex.toml by default. */
          tosAgreed?: boolean;
        };
      };
    };
    responses: {
      /** @description The account, as the CA has it. */
      201: {
        headers: {
          /** @description The account. */
          Location?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Account'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiAccountsId: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The account, as the CA has it. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Account'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  deleteApiAccountsId: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The CA has deactivated it. */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      default: components['responses']['Problem'];
    };
  };
  patchApiAccountsId: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': {
          email: string;
        };
      };
    };
    responses: {
      /** @description The account, as the CA has it. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Account'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  postApiAccountsIdRotateKey: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The CA knows the new key, and it alone. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Account'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiOrders: {
    parameters: {
      query?: {
        state?: 'pending' | 'running' | 'succeeded' | 'failed' | 'cancelled';
        certificate?: string;
        issuer?: string;
        /** @description What comes first: `oldest`, or `newest`. */
        sort?: 'oldest' | 'newest';
        /** @description How many at most; 1 to 1,000. */
        limit?: number;
        /** @description `next` of the page before. */
        cursor?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description A page of orders. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            items: components['schemas']['Order'][];
            /** @description Asks for more, as `cursor`; absent where there is nothing more. A page may hold less than its limit and still have a next. */
            next?: string;
            /** @description How many were looked at for this page; 2,000 at most where a filter has no index. */
            scanned: number;
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  postApiOrders: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': {
          /** @description One that is managed, in place of names and wishes. */
          certificate?: string;
          names?: string[];
          /** @description A template: it gives the values that the request does not have; labels are joined. */
          template?: string;
          /** @description An issuer of acmex.toml; acme.issuers by default. */
          issuer?: string;
          /** @description Several issuers in place of `issuer`, in the order in which they are used: the next one issues where one does not work or refuses the certificate. */
          issuers?: string[];
          profile?: string;
          /** @description Chain to use where the CA offers several: the common name of the issuer at its end, or the SHA-256 fingerprint of a certificate in it; the issuer's preferred_chain by default. */
          preferredChain?: string;
          /**
           * @description ec-p256 by default. A key in a device keeps its type: a different one is refused.
           * @enum {string}
           */
          keyType?:
            'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519';
          /**
           * @description Of a second key: RSA beside an EC key, or EC beside RSA. Both certificates are one: they are issued, renewed, deployed and revoked together. A single key by default.
           * @enum {string}
           */
          secondKeyType?:
            'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519';
          /** @description Keep the private key at a renewal; a new one each time by default. */
          reuseKey?: boolean;
          /** @description Ask for a certificate that needs a stapled OCSP answer. */
          mustStaple?: boolean;
          /** @description Leave out names that are not validated again and again, so that the rest is issued; they are tried again each week at least. */
          allowSubsetOfNames?: boolean;
          /**
           * @description challenge.challenge_type of acmex.toml by default.
           * @enum {string}
           */
          challenge?: 'http-01' | 'dns-01' | 'tls-alpn-01';
          /** @description One of challenge.dns01.providers of acmex.toml; by default the provider configured for each name. `manual`: a person sets the records that the order shows. */
          dnsProvider?: string;
          renewBeforeDays?: number;
          /** @description The windows in which it is renewed, such as `Sat 02:00-06:00 Europe/Berlin`, unless a renewal is urgent; renewal.maintenance_windows of acmex.toml by default. `00:00-24:00` is at any time. Without days it is each day, and without a time zone in UTC. */
          maintenanceWindows?: string[];
          /** @description The deploy targets of acmex.toml, tables [deploy.NAME], that get it and each renewal; none by default. deploy_targets of acmex.toml has those that a request may name. */
          deployTo?: string[];
          labels?: {
            [key: string]: string;
          };
        };
      };
    };
    responses: {
      /** @description It is under way: look at `Location` after `Retry-After` seconds, or watch its events. */
      202: {
        headers: {
          /** @description The order. */
          Location?: string;
          /** @description Seconds. */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Order'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  postApiCertificatesIdRenew: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It is under way: look at `Location` after `Retry-After` seconds, or watch its events. */
      202: {
        headers: {
          /** @description The order. */
          Location?: string;
          /** @description Seconds. */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Order'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  postApiOrdersRenewAll: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: {
      content: {
        'application/json': {
          /** @description Only those of one issuer. */
          issuer?: string;
          /**
           * @description Only what is due, or fails.
           * @default false
           */
          due?: boolean;
          /** @description `next` of the page before. */
          cursor?: string;
        };
      };
    };
    responses: {
      /** @description They are under way. Where the quota of the tenant ends it, there is a `Retry-After`: repeat with `next` then. */
      202: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            orders: string[];
            /** @description Where there are more: repeat with it as `cursor`. */
            next?: string;
            scanned: number;
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiOrdersId: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The order. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Order'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  deleteApiOrdersId: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The process that works on it stops within seconds and removes the challenge responses. */
      202: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Order'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  postApiOrdersIdRetry: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It is under way: look at `Location` after `Retry-After` seconds, or watch its events. */
      202: {
        headers: {
          /** @description The order. */
          Location?: string;
          /** @description Seconds. */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Order'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiOrdersIdEvents: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Server-sent events: `step` with each step and its number as id, `state` whenever that or the failure changes, `records` with the records that a person sets whenever they or what was seen of them changes, and `end` with the whole order. `Last-Event-ID` resumes after that step. A stream lasts an hour at most, and no longer than the key or token. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'text/event-stream': string;
        };
      };
      default: components['responses']['Problem'];
    };
  };
  postApiOrdersCheck: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': {
          names: string[];
          /** @description A template: it gives the values that the request does not have; labels are joined. */
          template?: string;
          /** @description An issuer of acmex.toml; acme.issuers by default. */
          issuer?: string;
          /** @description Several issuers in place of `issuer`, in the order in which they are used: the next one issues where one does not work or refuses the certificate. */
          issuers?: string[];
          profile?: string;
          /** @description Chain to use where the CA offers several: the common name of the issuer at its end, or the SHA-256 fingerprint of a certificate in it; the issuer's preferred_chain by default. */
          preferredChain?: string;
          /**
           * @description ec-p256 by default. A key in a device keeps its type: a different one is refused.
           * @enum {string}
           */
          keyType?:
            'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519';
          /**
           * @description Of a second key: RSA beside an EC key, or EC beside RSA. Both certificates are one: they are issued, renewed, deployed and revoked together. A single key by default.
           * @enum {string}
           */
          secondKeyType?:
            'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519';
          /** @description Keep the private key at a renewal; a new one each time by default. */
          reuseKey?: boolean;
          /** @description Ask for a certificate that needs a stapled OCSP answer. */
          mustStaple?: boolean;
          /** @description Leave out names that are not validated again and again, so that the rest is issued; they are tried again each week at least. */
          allowSubsetOfNames?: boolean;
          /**
           * @description challenge.challenge_type of acmex.toml by default.
           * @enum {string}
           */
          challenge?: 'http-01' | 'dns-01' | 'tls-alpn-01';
          /** @description One of challenge.dns01.providers of acmex.toml; by default the provider configured for each name. `manual`: a person sets the records that the order shows. */
          dnsProvider?: string;
          renewBeforeDays?: number;
          /** @description The windows in which it is renewed, such as `Sat 02:00-06:00 Europe/Berlin`, unless a renewal is urgent; renewal.maintenance_windows of acmex.toml by default. `00:00-24:00` is at any time. Without days it is each day, and without a time zone in UTC. */
          maintenanceWindows?: string[];
          /** @description The deploy targets of acmex.toml, tables [deploy.NAME], that get it and each renewal; none by default. deploy_targets of acmex.toml has those that a request may name. */
          deployTo?: string[];
          labels?: {
            [key: string]: string;
          };
          /** @description False: nothing is looked up, and there are no findings; true by default. */
          network?: boolean;
        };
      };
    };
    responses: {
      /** @description What would be ordered, with the values of the template and of acmex.toml. Nothing is ordered, and no DNS provider is asked. For the findings, names are looked up and connected to for at most 8 seconds. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['PlannedOrder'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  postApiOrdersIdRecordsCheck: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description What each server shows of each record. Where all show all of them, the order continues at once. An order that waits for no records has no checks. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            order: components['schemas']['Order'];
            checks: components['schemas']['RecordCheck'][];
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiCertificates: {
    parameters: {
      query?: {
        /** @description Those that hold this name. */
        name?: string;
        /** @description Those that hold a name below this one. */
        below?: string;
        /** @description Those that hold a name with this part. */
        contains?: string;
        issuer?: string;
        state?:
          'valid' | 'due' | 'failing' | 'waiting' | 'unissued' | 'paused' | 'revoked' | 'expired';
        /** @description Those whose order waits for DNS records that a person sets. */
        awaits?: 'records';
        /** @description NAME, or NAME=VALUE. */
        label?: string;
        expiresBefore?: string;
        expiresAfter?: string;
        /** @description Those whose renewal is planned before this. */
        renewalBefore?: string;
        renewalAfter?: string;
        /** @description `id`, which is the order of their making, by default; `expiry` where the filter is one of expiry. `name` goes by labels from the right. `expiry` has those alone that were issued. */
        sort?: 'id' | 'name' | 'expiry';
        /** @description How many at most; 1 to 1,000. */
        limit?: number;
        /** @description `next` of the page before. */
        cursor?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description A page of certificates. name, below and expiry are looked up. For all other filters it reads those that match by what is kept in memory: a change is seen at once where it has an event, and within a quarter of an hour elsewhere. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            items: components['schemas']['Certificate'][];
            /** @description Asks for more, as `cursor`; absent where there is nothing more. A page may hold less than its limit and still have a next. */
            next?: string;
            /** @description How many were looked at for this page; 2,000 at most where a filter has no index. */
            scanned: number;
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiCertificatesId: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The certificate. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Certificate'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  deleteApiCertificatesId: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It is gone. */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      default: components['responses']['Problem'];
    };
  };
  patchApiCertificatesId: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: {
      content: {
        'application/json': {
          /** @description An issuer of acmex.toml; acme.issuers by default. */
          issuer?: string;
          /** @description Several issuers in place of `issuer`, in the order in which they are used: the next one issues where one does not work or refuses the certificate. */
          issuers?: string[];
          /** @description null for the default. */
          profile?: string | null;
          /** @description Chain to use where the CA offers several: the common name of the issuer at its end, or the SHA-256 fingerprint of a certificate in it; the issuer's preferred_chain by default. null for the default. */
          preferredChain?: string | null;
          /**
           * @description ec-p256 by default. A key in a device keeps its type: a different one is refused.
           * @enum {string}
           */
          keyType?:
            'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519';
          /** @description Of a second key: RSA beside an EC key, or EC beside RSA. Both certificates are one: they are issued, renewed, deployed and revoked together. A single key by default. null for the default. */
          secondKeyType?:
            | ('ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519')
            | null;
          /** @description Keep the private key at a renewal; a new one each time by default. */
          reuseKey?: boolean;
          /** @description Ask for a certificate that needs a stapled OCSP answer. */
          mustStaple?: boolean;
          /** @description Leave out names that are not validated again and again, so that the rest is issued; they are tried again each week at least. */
          allowSubsetOfNames?: boolean;
          /** @description challenge.challenge_type of acmex.toml by default. null for the default. */
          challenge?: ('http-01' | 'dns-01' | 'tls-alpn-01') | null;
          /** @description One of challenge.dns01.providers of acmex.toml; by default the provider configured for each name. `manual`: a person sets the records that the order shows. null for the default. */
          dnsProvider?: string | null;
          /** @description null for the default. */
          renewBeforeDays?: number | null;
          /** @description The windows in which it is renewed, such as `Sat 02:00-06:00 Europe/Berlin`, unless a renewal is urgent; renewal.maintenance_windows of acmex.toml by default. `00:00-24:00` is at any time. Without days it is each day, and without a time zone in UTC. null for the default. */
          maintenanceWindows?: string[] | null;
          /** @description The deploy targets of acmex.toml, tables [deploy.NAME], that get it and each renewal; none by default. deploy_targets of acmex.toml has those that a request may name. null for the default. */
          deployTo?: string[] | null;
          labels?: {
            [key: string]: string;
          };
          /** @description All names of the certificate. */
          names?: string[];
          /** @description Nothing renews or orders it while it is paused; an order under way continues. */
          paused?: boolean;
        };
      };
    };
    responses: {
      /** @description The certificate; `order` is set when it is ordered again. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Certificate'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiCertificatesIdRefused: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The newest three, the newest first. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            items: components['schemas']['RefusedCertificate'][];
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  putApiCertificatesName: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path: {
        /** @description Its first name. */
        name: string;
      };
      cookie?: never;
    };
    requestBody?: {
      content: {
        'application/json': {
          /** @description All of them, the first as in the path; that one alone by default. */
          names?: string[];
          /** @description A template: it gives the values that the request does not have; labels are joined. */
          template?: string;
          /** @description An issuer of acmex.toml; acme.issuers by default. */
          issuer?: string;
          /** @description Several issuers in place of `issuer`, in the order in which they are used: the next one issues where one does not work or refuses the certificate. */
          issuers?: string[];
          profile?: string;
          /** @description Chain to use where the CA offers several: the common name of the issuer at its end, or the SHA-256 fingerprint of a certificate in it; the issuer's preferred_chain by default. */
          preferredChain?: string;
          /**
           * @description ec-p256 by default. A key in a device keeps its type: a different one is refused.
           * @enum {string}
           */
          keyType?:
            'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519';
          /**
           * @description Of a second key: RSA beside an EC key, or EC beside RSA. Both certificates are one: they are issued, renewed, deployed and revoked together. A single key by default.
           * @enum {string}
           */
          secondKeyType?:
            'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519';
          /** @description Keep the private key at a renewal; a new one each time by default. */
          reuseKey?: boolean;
          /** @description Ask for a certificate that needs a stapled OCSP answer. */
          mustStaple?: boolean;
          /** @description Leave out names that are not validated again and again, so that the rest is issued; they are tried again each week at least. */
          allowSubsetOfNames?: boolean;
          /**
           * @description challenge.challenge_type of acmex.toml by default.
           * @enum {string}
           */
          challenge?: 'http-01' | 'dns-01' | 'tls-alpn-01';
          /** @description One of challenge.dns01.providers of acmex.toml; by default the provider configured for each name. `manual`: a person sets the records that the order shows. */
          dnsProvider?: string;
          renewBeforeDays?: number;
          /** @description The windows in which it is renewed, such as `Sat 02:00-06:00 Europe/Berlin`, unless a renewal is urgent; renewal.maintenance_windows of acmex.toml by default. `00:00-24:00` is at any time. Without days it is each day, and without a time zone in UTC. */
          maintenanceWindows?: string[];
          /** @description The deploy targets of acmex.toml, tables [deploy.NAME], that get it and each renewal; none by default. deploy_targets of acmex.toml has those that a request may name. */
          deployTo?: string[];
          labels?: {
            [key: string]: string;
          };
        };
      };
    };
    responses: {
      /** @description It existed; `order` is set when it is ordered again. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Certificate'];
        };
      };
      /** @description It is new, and being ordered. */
      201: {
        headers: {
          /** @description The certificate. */
          Location?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Certificate'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  postApiCertificatesIdRevoke: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: {
      content: {
        'application/json': {
          /** @enum {string} */
          reason?:
            | 'unspecified'
            | 'keyCompromise'
            | 'affiliationChanged'
            | 'superseded'
            | 'cessationOfOperation'
            | 'privilegeWithdrawn';
          /** @description An earlier one, of the newest three; the one in use by default. */
          generation?: number;
        };
      };
    };
    responses: {
      /** @description The CA has revoked it. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Certificate'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  postApiCertificatesActions: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': {
          /**
           * @description renew needs the scope orders:write, revoke certificates:revoke, each other certificates:write.
           * @enum {string}
           */
          action: 'renew' | 'pause' | 'resume' | 'label' | 'revoke';
          /** @description As in the list; {} for all certificates. */
          filter: {
            /** @description Those that hold this name. */
            name?: string;
            /** @description Those that hold a name below this one. */
            below?: string;
            /** @description Those that hold a name with this part. */
            contains?: string;
            issuer?: string;
            /** @enum {string} */
            state?:
              | 'valid'
              | 'due'
              | 'failing'
              | 'waiting'
              | 'unissued'
              | 'paused'
              | 'revoked'
              | 'expired';
            /**
             * @description Those whose order waits for DNS records that a person sets.
             * @enum {string}
             */
            awaits?: 'records';
            /** @description NAME, or NAME=VALUE. */
            label?: string;
            /** Format: date-time */
            expiresBefore?: string;
            /** Format: date-time */
            expiresAfter?: string;
            /**
             * Format: date-time
             * @description Those whose renewal is planned before this.
             */
            renewalBefore?: string;
            /** Format: date-time */
            renewalAfter?: string;
          };
          /** @description For label: what is set; null removes a label. */
          labels?: {
            [key: string]: string | null;
          };
          /**
           * @description For revoke: the reason. RFC 5280 §5.3.1
           * @enum {string}
           */
          reason?:
            | 'unspecified'
            | 'keyCompromise'
            | 'affiliationChanged'
            | 'superseded'
            | 'cessationOfOperation'
            | 'privilegeWithdrawn';
          /** @description For revoke: how many match, as the dry run has said; with a cursor, `remaining` of the answer before. */
          expected?: number;
          /**
           * @description Only count: nothing is changed.
           * @default false
           */
          dryRun?: boolean;
          /** @description `next` of the page before. */
          cursor?: string;
        };
      };
    };
    responses: {
      /** @description What was done. Certificates for which there is nothing to do, as paused ones for pause, do not match. A request ends after half a minute, or where the quota of the tenant ends it, which the header Retry-After says: repeat it with `next`. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ActionResult'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiCertificatesSummary: {
    parameters: {
      query?: {
        /** @description The first day; today by default. */
        from?: string;
        /** @description How many; 1 to 400. */
        days?: number;
        /** @description Where the days begin at midnight. */
        timeZone?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Counts of the certificates that the key may see. They are kept in memory: a change is seen at once where it has an event, and within a quarter of an hour elsewhere. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['CertificateSummary'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiTemplates: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description All of the tenant, by their names. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            items: components['schemas']['Template'][];
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiTemplatesName: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        name: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The template. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Template'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  putApiTemplatesName: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path: {
        name: string;
      };
      cookie?: never;
    };
    requestBody?: {
      content: {
        'application/json': {
          /** @description An issuer of acmex.toml; acme.issuers by default. */
          issuer?: string;
          /** @description Several issuers in place of `issuer`, in the order in which they are used: the next one issues where one does not work or refuses the certificate. */
          issuers?: string[];
          profile?: string;
          /** @description Chain to use where the CA offers several: the common name of the issuer at its end, or the SHA-256 fingerprint of a certificate in it; the issuer's preferred_chain by default. */
          preferredChain?: string;
          /**
           * @description ec-p256 by default. A key in a device keeps its type: a different one is refused.
           * @enum {string}
           */
          keyType?:
            'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519';
          /**
           * @description Of a second key: RSA beside an EC key, or EC beside RSA. Both certificates are one: they are issued, renewed, deployed and revoked together. A single key by default.
           * @enum {string}
           */
          secondKeyType?:
            'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519';
          /** @description Keep the private key at a renewal; a new one each time by default. */
          reuseKey?: boolean;
          /** @description Ask for a certificate that needs a stapled OCSP answer. */
          mustStaple?: boolean;
          /** @description Leave out names that are not validated again and again, so that the rest is issued; they are tried again each week at least. */
          allowSubsetOfNames?: boolean;
          /**
           * @description challenge.challenge_type of acmex.toml by default.
           * @enum {string}
           */
          challenge?: 'http-01' | 'dns-01' | 'tls-alpn-01';
          /** @description One of challenge.dns01.providers of acmex.toml; by default the provider configured for each name. `manual`: a person sets the records that the order shows. */
          dnsProvider?: string;
          renewBeforeDays?: number;
          /** @description The windows in which it is renewed, such as `Sat 02:00-06:00 Europe/Berlin`, unless a renewal is urgent; renewal.maintenance_windows of acmex.toml by default. `00:00-24:00` is at any time. Without days it is each day, and without a time zone in UTC. */
          maintenanceWindows?: string[];
          /** @description The deploy targets of acmex.toml, tables [deploy.NAME], that get it and each renewal; none by default. deploy_targets of acmex.toml has those that a request may name. */
          deployTo?: string[];
          labels?: {
            [key: string]: string;
          };
        };
      };
    };
    responses: {
      /** @description It is replaced. Certificates do not change. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Template'];
        };
      };
      /** @description It is new. */
      201: {
        headers: {
          /** @description The template. */
          Location?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Template'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  deleteApiTemplatesName: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path: {
        name: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It is gone. */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      default: components['responses']['Problem'];
    };
  };
  getApiIssuers: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Those that the tenant may use. The CAs are not asked. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            items: components['schemas']['Issuer'][];
            /** @description How names are validated where a request does not say it. */
            challenge: string;
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiDnsProviders: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Those that the tenant may use; without their credentials. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            items: components['schemas']['DnsProvider'][];
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiCertificatesIdChain: {
    parameters: {
      query?: {
        /** @description Seconds to wait for one that `If-None-Match` does not name; `Prefer: wait=` says the same. */
        wait?: number;
        /** @description The chain: its number in `current.chains`, where 1 is the chain in use; the common name of the issuer that it ends in; or the SHA-256 fingerprint of any certificate in it. */
        chain?: string;
        /** @description Of a certificate with two key types, the one that is wanted; `keyType` of the certificate by default. */
        keyType?:
          'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519';
        /** @description `pem` by default. The content type is that of the format. */
        format?: 'pem' | 'leaf' | 'chain' | 'der' | 'pkcs7' | 'pkcs7-der';
      };
      header?: never;
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description PEM. */
      200: {
        headers: {
          /** @description Changes with each issue. */
          ETag?: string;
          [name: string]: unknown;
        };
        content: {
          'application/pem-certificate-chain': string;
        };
      };
      /** @description It is the one that `If-None-Match` names. */
      304: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      default: components['responses']['Problem'];
    };
  };
  getApiCertificatesIdPrivateKey: {
    parameters: {
      query?: {
        /** @description Of a certificate with two key types, the one that is wanted; `keyType` of the certificate by default. */
        keyType?:
          'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519';
      };
      header?: never;
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description PKCS#8, PEM. */
      200: {
        headers: {
          /** @description Changes with each issue. */
          ETag?: string;
          [name: string]: unknown;
        };
        content: {
          'application/x-pem-file': string;
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiCertificatesIdBundle: {
    parameters: {
      query?: {
        /** @description Seconds to wait for one that `If-None-Match` does not name; `Prefer: wait=` says the same. */
        wait?: number;
        /** @description The chain: its number in `current.chains`, where 1 is the chain in use; the common name of the issuer that it ends in; or the SHA-256 fingerprint of any certificate in it. */
        chain?: string;
        /** @description Of a certificate with two key types, the one that is wanted; `keyType` of the certificate by default. */
        keyType?:
          'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519';
        /** @description `combined` by default. The content type is that of the format. The header `Acmex-Passphrase` has the passphrase that encrypts it, in ASCII. */
        format?:
          | 'pem'
          | 'leaf'
          | 'chain'
          | 'combined'
          | 'der'
          | 'pkcs7'
          | 'pkcs7-der'
          | 'pkcs8'
          | 'pkcs8-der'
          | 'pkcs1'
          | 'sec1'
          | 'pkcs12'
          | 'pkcs12-legacy'
          | 'pkcs12-truststore'
          | 'jks'
          | 'jks-truststore';
      };
      header?: never;
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description PKCS#8 and certificates, PEM. Each reading of the key is an event. */
      200: {
        headers: {
          /** @description Changes with each issue. */
          ETag?: string;
          [name: string]: unknown;
        };
        content: {
          'application/x-pem-file': string;
        };
      };
      /** @description It is the one that `If-None-Match` names. */
      304: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      default: components['responses']['Problem'];
    };
  };
  getApiCertificatesIdDetails: {
    parameters: {
      query?: {
        /** @description The chain: its number in `current.chains`, where 1 is the chain in use; the common name of the issuer that it ends in; or the SHA-256 fingerprint of any certificate in it. */
        chain?: string;
        /** @description Of a certificate with two key types, the one that is wanted; `keyType` of the certificate by default. */
        keyType?:
          'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519';
      };
      header?: never;
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description What each certificate says. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['CertificateDetails'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiCertificatesIdStatus: {
    parameters: {
      query?: {
        /** @description Of a certificate with two key types, the one that is wanted; `keyType` of the certificate by default. */
        keyType?:
          'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519';
      };
      header?: never;
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description What was found out, at most a minute ago; for the revocation, by a proof that was fetched at most an hour ago. Only public addresses are reached; the first 10 names are checked. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['CertificateStatus'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiCertificatesIdTimeline: {
    parameters: {
      query?: {
        /** @description How many at most; 1 to 1,000. */
        limit?: number;
        /** @description `next` of the page before. */
        cursor?: string;
      };
      header?: never;
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description A page of the events of the certificate, which are stored for 90 days. About 2,000 events are looked at for it at most. A caller with the scope audit:read also gets who caused each event, where the audit log has it. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            items: components['schemas']['TimelineEntry'][];
            /** @description Asks for more, as `cursor`; absent where there is nothing more. A page may hold less than its limit and still have a next. */
            next?: string;
            /** @description How many were looked at for this page; 2,000 at most where a filter has no index. */
            scanned: number;
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiCalendarIcs: {
    parameters: {
      query?: {
        /** @description A token of /api/calendar-tokens, in place of a key: programs that subscribe send no headers. */
        token?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description iCalendar (RFC 5545): the next 1,000 events. An event of a certificate has the same UID after its renewal. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'text/calendar; charset=utf-8': string;
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiCalendarTokens: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description All that can be used. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            items: components['schemas']['CalendarToken'][];
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  postApiCalendarTokens: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: {
      content: {
        'application/json': {
          title?: string;
        };
      };
    };
    responses: {
      /** @description The token. Its text is shown this once. It ends with the secret of the key that has made it. */
      201: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['NewCalendarToken'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  deleteApiCalendarTokensId: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It is taken no more. */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      default: components['responses']['Problem'];
    };
  };
  getApiAgents: {
    parameters: {
      query?: {
        certificate?: string;
        agent?: string;
        state?: 'current' | 'behind';
        /** @description How many at most; 1 to 1,000. */
        limit?: number;
        /** @description `next` of the page before. */
        cursor?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description A page of reports, by certificate; at most 2,000 are read for it. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            items: components['schemas']['AgentReport'][];
            /** @description Asks for more, as `cursor`; absent where there is nothing more. A page may hold less than its limit and still have a next. */
            next?: string;
            /** @description How many were looked at for this page; 2,000 at most where a filter has no index. */
            scanned: number;
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  postApiAgents: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': {
          /** @description The name of the host. */
          agent: string;
          certificates: {
            id: string;
            serialNumber?: string;
            /** @enum {string} */
            evidence?: 'probe' | 'files';
            failure?: string;
          }[];
        };
      };
    };
    responses: {
      /** @description The report is stored. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            /** @description Certificates that the key cannot see; nothing is stored for them. */
            unknown: string[];
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  deleteApiAgentsName: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path: {
        name: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The reports are removed, for the certificates that the key may see. */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      default: components['responses']['Problem'];
    };
  };
  getApiCa: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The CA that the server's storage holds. Keys of the default tenant that may use all names see it. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            /** @description Absent where the storage holds no CA. */
            authority?: components['schemas']['CertificateAuthority'];
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiCaCertificates: {
    parameters: {
      query?: {
        /** @description Those with a name that has this part. */
        contains?: string;
        serialNumber?: string;
        status?: 'valid' | 'revoked' | 'expired';
        profile?: string;
        /** @description Issued at this moment or later. */
        since?: string;
        /** @description Issued before this moment. */
        until?: string;
        /** @description How many at most; 1 to 1,000. */
        limit?: number;
        /** @description `next` of the page before. */
        cursor?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description A page of certificates, without their chains; 2,000 are looked at for it at most. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            items: components['schemas']['IssuedCertificate'][];
            /** @description Asks for more, as `cursor`; absent where there is nothing more. A page may hold less than its limit and still have a next. */
            next?: string;
            /** @description How many were looked at for this page; 2,000 at most where a filter has no index. */
            scanned: number;
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiCaCertificatesSerialNumber: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        serialNumber: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The certificate, with its chain. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            /** @description Lower-case hexadecimal. */
            serialNumber: string;
            names: string[];
            /**
             * @description A revoked one stays `revoked` when it expires.
             * @enum {string}
             */
            status: 'valid' | 'revoked' | 'expired';
            profile: string;
            /** @description The id of the ACME account. */
            account: string;
            /** @description Of the issuing certificate, from 1. */
            generation: number;
            /** @description RFC 3339 */
            issuedAt: string;
            /** @description RFC 3339 */
            notBefore: string;
            /** @description RFC 3339 */
            notAfter: string;
            revoked?: {
              /** @description RFC 3339 */
              at: string;
              /**
               * @description RFC 5280 §5.3.1
               * @enum {string}
               */
              reason:
                | 'unspecified'
                | 'keyCompromise'
                | 'caCompromise'
                | 'affiliationChanged'
                | 'superseded'
                | 'cessationOfOperation'
                | 'certificateHold'
                | 'removeFromCRL'
                | 'privilegeWithdrawn'
                | 'aaCompromise';
            };
            /** @description What the certificate and those above it say. */
            chain: components['schemas']['ChainMember'][];
            /** @description The certificate and its chain, the leaf first, without the root. */
            pem: string;
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  postApiCaCertificatesSerialNumberRevoke: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path: {
        serialNumber: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': {
          /**
           * @description RFC 5280 §5.3.1. After keyCompromise, the CA issues no certificate for its key again.
           * @enum {string}
           */
          reason:
            | 'unspecified'
            | 'keyCompromise'
            | 'affiliationChanged'
            | 'superseded'
            | 'cessationOfOperation'
            | 'privilegeWithdrawn'
            | 'caCompromise'
            | 'aaCompromise';
        };
      };
    };
    responses: {
      /** @description It is revoked. The next CRL and the next OCSP response say so. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['IssuedCertificate'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiCaExternalAccounts: {
    parameters: {
      query?: {
        /** @description How many at most; 1 to 1,000. */
        limit?: number;
        /** @description `next` of the page before. */
        cursor?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description A page of them, without their keys. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            items: components['schemas']['ExternalAccount'][];
            /** @description Asks for more, as `cursor`; absent where there is nothing more. A page may hold less than its limit and still have a next. */
            next?: string;
            /** @description How many were looked at for this page; 2,000 at most where a filter has no index. */
            scanned: number;
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  postApiCaExternalAccounts: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: {
      content: {
        'application/json': {
          /** @description Who it is for. */
          description?: string;
          /**
           * @description Let more than one ACME account be bound to it.
           * @default false
           */
          isReusable?: boolean;
        };
      };
    };
    responses: {
      /** @description The external account. Its key is shown this once. */
      201: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            /** @description What a client sends as the key identifier. RFC 8555 §7.3.4 */
            id: string;
            /** @description Who it is for; may be empty. */
            description: string;
            /** @description Whether more than one ACME account may be bound to it. */
            isReusable: boolean;
            /**
             * @description `bound`: an ACME account is bound to it, the last one as `account`.
             * @enum {string}
             */
            state: 'unused' | 'bound' | 'revoked';
            account?: string;
            createdAt: string;
            revokedAt?: string;
            /** @description 32 bytes in base64url, for HS256. */
            hmacKey: string;
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  deleteApiCaExternalAccountsId: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description No further ACME account is bound to it. */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      default: components['responses']['Problem'];
    };
  };
  getApiKeys: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description All of them, without their secrets. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            items: components['schemas']['Key'][];
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  postApiKeys: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': {
          title?: string;
          scopes: (
            | 'certificates:read'
            | 'certificates:write'
            | 'certificates:revoke'
            | 'private-keys:read'
            | 'orders:read'
            | 'orders:write'
            | 'agents:read'
            | 'agents:write'
            | 'accounts:read'
            | 'accounts:write'
            | 'ca:read'
            | 'ca:write'
            | 'keys:read'
            | 'keys:write'
            | 'events:read'
            | 'audit:read'
            | 'queue:read'
            | 'queue:write'
            | 'metrics:read'
          )[];
          /** @description Names that it may use: a name, *.example.com for all below it, or *; those of the own key by default. */
          names?: string[];
          /** @description Deploy targets of the tenant that it may name as `deployTo`; those of the own key by default. */
          deployTargets?: string[];
          /** Format: date-time */
          expiresAt?: string;
        };
      };
    };
    responses: {
      /** @description The key. Its text is shown this once. */
      201: {
        headers: {
          /** @description The key. */
          Location?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            id: string;
            title?: string;
            scopes: (
              | 'certificates:read'
              | 'certificates:write'
              | 'certificates:revoke'
              | 'private-keys:read'
              | 'orders:read'
              | 'orders:write'
              | 'agents:read'
              | 'agents:write'
              | 'accounts:read'
              | 'accounts:write'
              | 'ca:read'
              | 'ca:write'
              | 'keys:read'
              | 'keys:write'
              | 'events:read'
              | 'audit:read'
              | 'queue:read'
              | 'queue:write'
              | 'metrics:read'
            )[];
            names: string[];
            /** @description Deploy targets that it may name; absent for all of its tenant. */
            deployTargets?: string[];
            createdAt: string;
            createdBy: string;
            expiresAt?: string;
            revokedAt?: string;
            /** @description To the hour. */
            lastUsedAt?: string;
            /** @description Two while it is being rotated. */
            secrets: number;
            key: string;
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiKeysId: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The key, without its secret. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Key'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  deleteApiKeysId: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It is taken no more. */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      default: components['responses']['Problem'];
    };
  };
  postApiKeysIdExpire: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': {
          /** Format: date-time */
          at: string;
        };
      };
    };
    responses: {
      /** @description The key. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Key'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  postApiKeysIdRotate: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: {
      content: {
        'application/json': {
          /**
           * @description How long the secret before is taken.
           * @default 24
           */
          graceHours?: number;
        };
      };
    };
    responses: {
      /** @description The key. Its text is shown this once. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            id: string;
            title?: string;
            scopes: (
              | 'certificates:read'
              | 'certificates:write'
              | 'certificates:revoke'
              | 'private-keys:read'
              | 'orders:read'
              | 'orders:write'
              | 'agents:read'
              | 'agents:write'
              | 'accounts:read'
              | 'accounts:write'
              | 'ca:read'
              | 'ca:write'
              | 'keys:read'
              | 'keys:write'
              | 'events:read'
              | 'audit:read'
              | 'queue:read'
              | 'queue:write'
              | 'metrics:read'
            )[];
            names: string[];
            /** @description Deploy targets that it may name; absent for all of its tenant. */
            deployTargets?: string[];
            createdAt: string;
            createdBy: string;
            expiresAt?: string;
            revokedAt?: string;
            /** @description To the hour. */
            lastUsedAt?: string;
            /** @description Two while it is being rotated. */
            secrets: number;
            key: string;
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiSession: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Who the request is of. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['SignedIn'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  postApiSession: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': {
          key: string;
        };
      };
    };
    responses: {
      /** @description A new session of the key. An earlier one of the same browser has ended. */
      201: {
        headers: {
          /** @description `__Host-acmex` over https, `acmex` over http on one machine. */
          'Set-Cookie'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['SignedIn'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  deleteApiSession: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The session has ended. */
      204: {
        headers: {
          /** @description Removes the cookie. */
          'Set-Cookie'?: string;
          [name: string]: unknown;
        };
        content?: never;
      };
      default: components['responses']['Problem'];
    };
  };
  getApiSessions: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description All that can be used, the oldest first. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            items: components['schemas']['Session'][];
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  deleteApiSessionsId: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It is taken no more. */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      default: components['responses']['Problem'];
    };
  };
  getApiSignIn: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description What the server is configured with. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['SignInMethods'];
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiSignInOidc: {
    parameters: {
      query?: {
        /** @description The path of this server that the browser goes to afterwards. */
        return?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description To the next page. A failure is in its query, as the code `sign-in`. */
      303: {
        headers: {
          /** @description The page. */
          Location?: string;
          /** @description What this browser must send with the next step. */
          'Set-Cookie'?: string;
          [name: string]: unknown;
        };
        content?: never;
      };
      default: components['responses']['Problem'];
    };
  };
  getApiSignInOidcCallback: {
    parameters: {
      query?: {
        code?: string;
        state?: string;
        /** @description RFC 9207 */
        iss?: string;
        /** @description OpenID Connect Core §3.1.2.6 */
        error?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description To the next page. A failure is in its query, as the code `sign-in`. */
      303: {
        headers: {
          /** @description The page. */
          Location?: string;
          /** @description What this browser must send with the next step. */
          'Set-Cookie'?: string;
          [name: string]: unknown;
        };
        content?: never;
      };
      default: components['responses']['Problem'];
    };
  };
  getApiQueue: {
    parameters: {
      query?: {
        /** @description How many at most; 1 to 1,000. */
        limit?: number;
        /** @description `next` of the page before, for more of what fails. */
        cursor?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The queue is a hint and counts all tenants; what is due and what fails are the tenant's own. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            waiting: {
              urgent: number;
              high: number;
              normal: number;
              low: number;
            };
            delayed: number;
            running: number;
            /** @description How many can run at once, by all who work. */
            capacity: number;
            /** @description Those of the tenant, by the CA. */
            groups: {
              issuer: string;
              waiting: {
                urgent: number;
                high: number;
                normal: number;
                low: number;
              };
              delayed: number;
              running: number;
            }[];
            /** @description Processes that work, where several share the queue. */
            workers?: {
              name: string;
              capacity: number;
              since: string;
            }[];
            /** @description What is due by now and not done, the oldest first; a hundred at most. */
            due: {
              certificate: string;
              dueAt: string;
            }[];
            /** @description The oldest, where nothing is done for it. */
            late?: {
              certificate: string;
              dueAt: string;
            };
            failing: {
              certificate: string;
              names: string[];
              order?: string;
              failure?: components['schemas']['Failure'];
              deployFailure?: components['schemas']['Failure'];
            }[];
            next?: string;
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  postApiQueueReplay: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: {
      content: {
        'application/json': {
          /** @description All that fail by default, 500 at most. */
          certificates?: string[];
        };
      };
    };
    responses: {
      /** @description They are due now. */
      202: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            certificates: string[];
            /** @description There are more that fail. */
            next?: string;
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiDeliveries: {
    parameters: {
      query?: {
        state?: 'waiting' | 'dead';
        /** @description How many at most; 1 to 1,000. */
        limit?: number;
        /** @description `next` of the page before. */
        cursor?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description A page of deliveries; 2,000 are looked at for it at most. What was delivered is not stored. A dead letter is stored for 90 days. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            items: components['schemas']['Delivery'][];
            /** @description Asks for more, as `cursor`; absent where there is nothing more. A page may hold less than its limit and still have a next. */
            next?: string;
            /** @description How many were looked at for this page; 2,000 at most where a filter has no index. */
            scanned: number;
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  postApiDeliveriesIdReplay: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and request get the same answer for 24 hours, and are done once. */
        'Idempotency-Key'?: string;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It is sent, with the same id, for another day at most. */
      202: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      default: components['responses']['Problem'];
    };
  };
  getApiEvents: {
    parameters: {
      query?: {
        /** @description What comes first: `oldest`, or `newest`. */
        sort?: 'oldest' | 'newest';
        type?:
          | 'renewal_started'
          | 'renewal_success'
          | 'renewal_failed'
          | 'renewal_skipped'
          | 'name_left_out'
          | 'name_taken_back'
          | 'renewal_window_ignored'
          | 'account_registered'
          | 'account_updated'
          | 'account_key_changed'
          | 'user_action_required'
          | 'terms_accepted'
          | 'issuer_unavailable'
          | 'issuer_available'
          | 'issuer_changed'
          | 'order_given_up'
          | 'challenge_record_wanted'
          | 'challenge_created'
          | 'challenge_validated'
          | 'challenge_failed'
          | 'order_created'
          | 'order_cancelled'
          | 'order_orphaned'
          | 'certificate_added'
          | 'certificate_changed'
          | 'certificate_obtained'
          | 'certificate_deployed'
          | 'deployment_failed'
          | 'certificate_expired'
          | 'certificate_expiring'
          | 'renewal_late'
          | 'served_certificate_differs'
          | 'served_certificate_unreachable'
          | 'alarm_resolved'
          | 'certificate_revoked'
          | 'revocation_detected'
          | 'private_key_read'
          | 'api_key_created'
          | 'api_key_changed'
          | 'api_key_revoked'
          | 'session_created'
          | 'session_ended'
          | 'session_revoked'
          | 'calendar_token_created'
          | 'calendar_token_revoked'
          | 'audit_sealed'
          | 'certificate_removed';
        certificate?: string;
        order?: string;
        since?: string;
        /** @description Before this moment. */
        until?: string;
        /** @description How many at most; 1 to 1,000. */
        limit?: number;
        /** @description `next` of the page before. */
        cursor?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description A page of events; 2,000 are looked at for it at most. An event may become visible up to two minutes after one with a later id. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            items: components['schemas']['Event'][];
            /** @description Asks for more, as `cursor`; absent where there is nothing more. A page may hold less than its limit and still have a next. */
            next?: string;
            /** @description How many were looked at for this page; 2,000 at most where a filter has no index. */
            scanned: number;
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiAudit: {
    parameters: {
      query?: {
        /** @description What comes first: `oldest`, or `newest`. */
        sort?: 'oldest' | 'newest';
        /** @description The type of an event of the record, or of what the own CA did. */
        type?:
          | 'renewal_started'
          | 'renewal_success'
          | 'renewal_failed'
          | 'renewal_skipped'
          | 'name_left_out'
          | 'name_taken_back'
          | 'renewal_window_ignored'
          | 'account_registered'
          | 'account_updated'
          | 'account_key_changed'
          | 'user_action_required'
          | 'terms_accepted'
          | 'issuer_unavailable'
          | 'issuer_available'
          | 'issuer_changed'
          | 'order_given_up'
          | 'challenge_record_wanted'
          | 'challenge_created'
          | 'challenge_validated'
          | 'challenge_failed'
          | 'order_created'
          | 'order_cancelled'
          | 'order_orphaned'
          | 'certificate_added'
          | 'certificate_changed'
          | 'certificate_obtained'
          | 'certificate_deployed'
          | 'deployment_failed'
          | 'certificate_expired'
          | 'certificate_expiring'
          | 'renewal_late'
          | 'served_certificate_differs'
          | 'served_certificate_unreachable'
          | 'alarm_resolved'
          | 'certificate_revoked'
          | 'revocation_detected'
          | 'private_key_read'
          | 'api_key_created'
          | 'api_key_changed'
          | 'api_key_revoked'
          | 'session_created'
          | 'session_ended'
          | 'session_revoked'
          | 'calendar_token_created'
          | 'calendar_token_revoked'
          | 'audit_sealed'
          | 'certificate_removed'
          | 'ca_created'
          | 'ca_issuer_replaced'
          | 'ca_account_created'
          | 'ca_account_changed'
          | 'ca_account_deactivated'
          | 'ca_account_key_changed'
          | 'ca_external_account_created'
          | 'ca_external_account_revoked'
          | 'ca_validation_failed'
          | 'ca_certificate_issued'
          | 'ca_certificate_revoked'
          | 'ca_renewal_window_moved'
          | 'ca_renewal_window_restored';
        /** @description The id of a key, the name of the holder of a token, or a user of a host. */
        actor?: string;
        certificate?: string;
        since?: string;
        /** @description Before this moment. */
        until?: string;
        /** @description How many at most; 1 to 1,000. */
        limit?: number;
        /** @description `next` of the page before. */
        cursor?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description A page of records; 2,000 are looked at for it at most. A key of the default tenant sees all, any other key those of its own tenant. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            items: components['schemas']['AuditRecord'][];
            /** @description Asks for more, as `cursor`; absent where there is nothing more. A page may hold less than its limit and still have a next. */
            next?: string;
            /** @description How many were looked at for this page; 2,000 at most where a filter has no index. */
            scanned: number;
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getApiAuditVerify: {
    parameters: {
      query?: {
        /** @description A checkpoint from outside, as a JWS: it finds a storage that was replaced. */
        checkpoint?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Nothing was changed, and nothing is missing. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            records: number;
            writers: number;
            checkpoints: number;
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  postApiWebhook: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': {
          /**
           * @description `renew` orders again; `recheck` asks the CA for its renewal window.
           * @enum {string}
           */
          event: 'ping' | 'renew' | 'recheck';
          /**
           * @description Which: one by its id, or all that hold a name. Paused ones are left out.
           * @default {}
           */
          data?: {
            certificate?: string;
            name?: string;
          };
        };
      };
    };
    responses: {
      /** @description Done. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            /** @enum {string} */
            status: 'pong' | 'accepted';
            orders?: string[];
            certificates?: string[];
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getHealth: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It does. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            /** @enum {string} */
            status: 'healthy';
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getHealthReady: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It can; `degraded`: what is due is late, or there is no worker. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            /**
             * @description `degraded`, which only callers with a key see: work is late, or nothing works.
             * @enum {string}
             */
            status: 'healthy' | 'degraded' | 'unhealthy';
            /** @description Only for callers with a key, as all that follows. */
            components?: {
              /** @enum {string} */
              storage: 'healthy' | 'unhealthy';
              /**
               * @description Redis, where several processes share the work.
               * @enum {string}
               */
              queue?: 'healthy' | 'unhealthy';
              /** @enum {string} */
              scheduler: 'healthy' | 'degraded';
            };
            /** @description How many processes work. */
            workers?: number;
            /** @description What Redis could lose of what it has acknowledged, and what to do about it. */
            redis?: string[];
          };
        };
      };
      /** @description Its storage or Redis does not answer. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            /**
             * @description `degraded`, which only callers with a key see: work is late, or nothing works.
             * @enum {string}
             */
            status: 'healthy' | 'degraded' | 'unhealthy';
            /** @description Only for callers with a key, as all that follows. */
            components?: {
              /** @enum {string} */
              storage: 'healthy' | 'unhealthy';
              /**
               * @description Redis, where several processes share the work.
               * @enum {string}
               */
              queue?: 'healthy' | 'unhealthy';
              /** @enum {string} */
              scheduler: 'healthy' | 'degraded';
            };
            /** @description How many processes work. */
            workers?: number;
            /** @description What Redis could lose of what it has acknowledged, and what to do about it. */
            redis?: string[];
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getMetrics: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description In the text format of Prometheus: all metrics for a key of the default tenant, and for any other key those of its own tenant. In the OpenMetrics format if the header Accept prefers it. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'text/plain; version=0.0.4; charset=utf-8': string;
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getOpenapiJson: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The description. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            [key: string]: unknown;
          };
        };
      };
      default: components['responses']['Problem'];
    };
  };
  getDocs: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description A page. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'text/html; charset=utf-8': string;
        };
      };
      default: components['responses']['Problem'];
    };
  };
}
