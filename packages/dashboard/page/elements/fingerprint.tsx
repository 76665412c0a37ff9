import { Copy } from './copy.tsx';

/** A fingerprint, a serial number or a pin, with a button that copies it. */
export function Fingerprint({ value, label }: { readonly value: string; readonly label: string }) {
  return (
    <span class="fingerprint">
      <code>{value}</code>
      <Copy text={value} label={label} />
    </span>
  );
}
