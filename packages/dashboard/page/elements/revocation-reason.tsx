import { words } from '../words.ts';
import { Choice } from './choice.tsx';

/** Why a certificate is revoked, as the CA publishes it. RFC 5280 §5.3.1 */
export function RevocationReason({ label }: { readonly label: string }) {
  return <Choice label={label} name="reason" options={Object.entries(words.revocationReasons)} />;
}
