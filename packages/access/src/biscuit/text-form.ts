import { MAX_TOKEN_BYTES } from './envelope.ts';
import { malformed, tooLarge } from './malformed.ts';

/** A token as text: base64 for addresses, padded, as other libraries of the format want it. */
export function toText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('base64url');
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}

/** With padding or without; every bit counts. @throws HakiriError token.invalid, token.too_large */
export function fromText(text: string): Uint8Array {
  if (text.length > Math.ceil(MAX_TOKEN_BYTES / 3) * 4) throw tooLarge(`more than ${MAX_TOKEN_BYTES} bytes`);
  const bytes = Buffer.from(text, 'base64url');
  const canonical = toText(bytes);
  if (text === '' || (text !== canonical && text !== canonical.replace(/=+$/, ''))) {
    throw malformed('it is not base64 of the kind for addresses');
  }
  return bytes;
}
