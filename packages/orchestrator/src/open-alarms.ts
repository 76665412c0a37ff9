import { alarmsOfPresent } from './alarm-times.ts';
import type { CertificateSummary } from './certificate-record.ts';
import type { EventType } from './event-types.ts';

/** What may be wrong with a certificate: the types of the events that report it. */
export const alarmTypes = [
  'certificate_expiring',
  'renewal_late',
  'deployment_failed',
  'served_certificate_differs',
  'served_certificate_unreachable',
] as const satisfies readonly EventType[];
export type AlarmType = (typeof alarmTypes)[number];

/** What the open alarms of a certificate depend on. */
export type AlarmedCertificate = Pick<
  CertificateSummary,
  'createdAt' | 'paused' | 'current' | 'renewal' | 'alarms' | 'deployFailure' | 'served'
>;

/** Returns the alarms of a certificate that were reported and are not over. */
export function openAlarms(certificate: AlarmedCertificate): readonly AlarmType[] {
  const { deployFailure, served = [] } = certificate;
  const reported = alarmsOfPresent(certificate);
  const isOpen: Readonly<Record<AlarmType, boolean>> = {
    certificate_expiring: reported?.expiring !== undefined,
    renewal_late: reported?.late !== undefined,
    deployment_failed: deployFailure !== undefined,
    served_certificate_differs: served.some(({ state }) => state === 'differs'),
    served_certificate_unreachable: served.some(({ state }) => state === 'unreachable'),
  };
  return alarmTypes.filter((type) => isOpen[type]);
}
