import { type HakiriError, toHakiriError } from '@hakiri/core';
import type { Channel, Environment } from './output.ts';
import { escapeJson, escapeLines } from './terminal/escape.ts';
import { paint } from './terminal/paint.ts';

/** Writes an error for people, or as one line of JSON; the stack only when HAKIRI_DEBUG asks for it. */
export function reportError(
  thrown: unknown,
  channel: Channel,
  options: { readonly json: boolean; readonly env: Environment },
): void {
  const error = toHakiriError(thrown);
  const debug = Boolean(options.env.HAKIRI_DEBUG);
  if (options.json) {
    const stack = debug ? { stack: stackOf(error) } : {};
    channel.line(escapeJson(JSON.stringify({ error: { ...errorDocument(error), ...stack } })));
    return;
  }
  channel.line(`${paint(channel, 'red', `error[${error.code}]`)}: ${escapeLines(error.message)}`);
  channel.line(`${paint(channel, 'bold', 'hint')}: ${escapeLines(error.hint)}`);
  if (debug) channel.line(escapeLines(stackOf(error)));
}

/** The form of an error in every JSON document of the command. */
export function errorDocument(error: HakiriError): Readonly<Record<string, unknown>> {
  return { code: error.code, message: error.message, hint: error.hint, details: error.details };
}

function stackOf(error: Error): string {
  const own = error.stack ?? String(error);
  return error.cause instanceof Error ? `${own}\ncaused by: ${stackOf(error.cause)}` : own;
}
