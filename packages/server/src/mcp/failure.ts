import {
  ERROR_CATALOGUE,
  type ErrorCode,
  type HakiriError,
  isHakiriError,
  toHakiriError,
} from '@hakiri/core';
import { type CallToolResult, ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server';
import { cleanValue } from './clean-text.ts';

/** Why a call failed, in the form that an agent is told. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly details?: HakiriError['details'];
}

/** What to do next, where the catalogue speaks of commands and an agent has tools. */
const HINTS: Partial<Readonly<Record<ErrorCode, string>>> = {
  'usage.argument': 'Correct the arguments; inputSchema of the tool says what it takes.',
  'query.invalid': 'Correct the query; context_describe lists the columns of a table.',
  'query.unknown_table': 'Call context_tables for the tables there are.',
  'query.unknown_column': 'Call context_describe for the columns of the table.',
  'query.not_select': 'Write one SELECT, or give table with filter and order_by.',
  'query.refused': 'Query the tables that context_tables lists, with plain SELECTs.',
  'query.timeout': 'Narrow the query: filter, aggregate or limit it.',
  'query.too_large': 'Select fewer columns or rows, or raise max_bytes.',
  'query.next_invalid': 'Repeat the request without next to start over.',
  'query.no_index': 'Use filter instead of search, or search a table whose indexes context_describe lists.',
  'index.not_built': 'Use filter instead of search, or ask the operator to run `hakiri index rebuild`.',
  'index.damaged': 'Use filter instead of search, or ask the operator to run `hakiri index rebuild`.',
  'token.missing': 'Ask the operator for a token; it is sent as bearer, or set as HAKIRI_TOKEN.',
  'token.invalid': 'Ask whoever gave you the token for another.',
  'token.widens': 'Ask for less than you have; whoever issued your token can issue one with more.',
  'store.not_found': 'Nothing was pulled yet: call pipeline_list, then pipeline_run.',
};

/**
 * A fault of ours tells an agent nothing that it could use, and may quote a path or a value: it goes to `onError`.
 * @throws ProtocolError as it is, since it is no failure of a tool
 */
export function failureOf(error: unknown, onError: (error: Error) => void): Failure {
  if (error instanceof ProtocolError) throw error;
  const known = toHakiriError(error);
  if (known.code === 'internal' || !isHakiriError(error)) {
    onError(known);
    return {
      code: 'internal',
      message: 'Something went wrong inside Hakiri; its log says what.',
      hint: 'Try something else, and tell the operator.',
    };
  }
  const general = known.hint === ERROR_CATALOGUE[known.code].hint;
  return {
    code: known.code,
    message: known.message,
    hint: (general ? HINTS[known.code] : undefined) ?? known.hint,
    ...(Object.keys(known.details).length === 0 ? {} : { details: known.details }),
  };
}

/** Of a request that is no call of a tool. */
export function protocolErrorOf(error: unknown, onError: (error: Error) => void): ProtocolError {
  if (error instanceof ProtocolError) return error;
  const { code, message, hint, details } = cleanValue(failureOf(error, onError));
  const isRefused = /^(?:access|token)\./.test(code);
  return new ProtocolError(
    isRefused ? ProtocolErrorCode.InvalidRequest : ProtocolErrorCode.InternalError,
    message,
    { code, hint, ...(details === undefined ? {} : { details }) },
  );
}

export function errorResult(failure: Failure): CallToolResult {
  const { code, message, hint, details } = cleanValue(failure);
  return {
    isError: true,
    structuredContent: { error: { code, message, hint, ...(details === undefined ? {} : { details }) } },
    content: [{ type: 'text', text: `error[${code}]: ${message}\nhint: ${hint}` }],
  };
}
