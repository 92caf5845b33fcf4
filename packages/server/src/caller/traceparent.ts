import type { ServerContext } from '@modelcontextprotocol/server';

/** https://www.w3.org/TR/trace-context/#traceparent-header, version 00; an id of zeros is none. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Of a request: what its `_meta` says (SEP-414), else the header it came with. What is none is left out. */
export function traceparentOf({ mcpReq, http }: ServerContext): string | undefined {
  const said = [mcpReq._meta?.traceparent, http?.req?.headers.get('traceparent')];
  return said.find((value): value is string => typeof value === 'string' && TRACEPARENT.test(value));
}
