export { bundledProgram } from './bundled-program.ts';
export { damagedRecord } from './damaged-record.ts';
export { type Bind, type BindOptions, startBind } from './bind.ts';
export { type ChallengeServer, startChallengeServer } from './challenge-server.ts';
export { malformedDer, mutatedDer, type SeededRandom, seededRandom } from './der-mutations.ts';
export { describeWith } from './describe-with.ts';
export { type DnsAnswer, type DnsServer, type DnsZone, startDnsServer } from './dns-server.ts';
export { eventually } from './eventually.ts';
export { freePort } from './free-port.ts';
export { hostileUserId, type HostileUserOptions, withHostileUser } from './hostile-user.ts';
export { type LocalCertificate, localCertificate } from './local-certificate.ts';
export {
  type Mail,
  type MailServer,
  type MailServerOptions,
  smtpError,
  startMailServer,
} from './mail-server.ts';
export {
  type OpenIdProvider,
  type OpenIdProviderOptions,
  startOpenIdProvider,
} from './openid-provider.ts';
export { type Pebble, type PebbleOptions, startPebble } from './pebble.ts';
export { type PowerDns, type PowerDnsOptions, startPowerDns } from './powerdns.ts';
export { type Program, ProgramError, type ProgramOptions, startProgram } from './program.ts';
export { readOnlyFolder } from './read-only.ts';
export {
  type RedisCluster,
  type RedisSentinel,
  startRedisCluster,
  startRedisSentinel,
} from './redis-together.ts';
export { type Prometheus, type PrometheusOptions, startPrometheus } from './prometheus.ts';
export { type RedisOptions, type RedisServer, startRedis } from './redis.ts';
export { reportSoak } from './report-soak.ts';
export { canMount, type SmallDisk, smallDisk } from './small-disk.ts';
export { type SoftToken, softToken } from './soft-token.ts';
export {
  startDovecot,
  startMariadb,
  startPostfix,
  startPostgresql,
  startSlapd,
} from './starttls-server.ts';
export { type Rsyslog, startRsyslog } from './rsyslog.ts';
export { type Sshd, type SshdOptions, startSshd } from './sshd.ts';
export { startTinyproxy, type Tinyproxy, type TinyproxyOptions } from './tinyproxy.ts';
export { removeFolder, type TemporaryFolder, temporaryFolder } from './temporary-folder.ts';
export {
  startApache,
  startHaproxy,
  startNginx,
  startOpensslServer,
  type TlsServer,
  type TlsServerOptions,
} from './tls-server.ts';
export {
  type ReceivedWebhook,
  type StandardWebhook,
  standardWebhook,
  startWebhookReceiver,
  type WebhookReceiver,
} from './webhook-receiver.ts';
