import { PARSE_ERROR } from '@modelcontextprotocol/server';

/** Why a text is not taken for a message, as JSON-RPC says it. */
export interface Refusal {
  readonly code: number;
  readonly message: string;
}

export type Parsed =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly refusal: Refusal };

/** Deeper JSON is no call anyone makes, and overflows the stack of whoever walks it. */
const MOST_NESTING = 64;

/** JSON of a bounded depth. The text's length is the caller's to bound. */
export function parseMessage(text: string): Parsed {
  if (nesting(text) > MOST_NESTING) {
    return refused(PARSE_ERROR, `Parse error: nested deeper than ${MOST_NESTING} levels`);
  }
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return refused(PARSE_ERROR, 'Parse error: not valid JSON');
  }
}

export function refused(code: number, message: string): Parsed & { readonly ok: false } {
  return { ok: false, refusal: { code, message } };
}

/** The greatest number of brackets that are open at once, outside strings. */
function nesting(text: string): number {
  let open = 0;
  let most = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (quoted) {
      if (character === BACKSLASH) i++;
      else if (character === QUOTE) quoted = false;
    } else if (character === QUOTE) quoted = true;
    else if (character === OPEN_BRACE || character === OPEN_BRACKET) most = Math.max(most, ++open);
    else if (character === CLOSE_BRACE || character === CLOSE_BRACKET) open--;
  }
  return most;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
