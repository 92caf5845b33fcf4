import { isJsonContentType, PARSE_ERROR } from '@modelcontextprotocol/server';
import { parseMessage } from '../mcp/parse-message.ts';
import { rpcError } from './rpc-error.ts';

export interface BodyLimits {
  readonly maxBytes: number;
  /** From the first byte asked for to the last one there. */
  readonly timeoutMs: number;
}

export type Body =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly response: Response };

const REFUSED = -32_000;

/** The JSON of a request, or what to answer where it is none, is too large, or does not arrive. */
export async function readBody(request: Request, limits: BodyLimits): Promise<Body> {
  if (!isJsonContentType(request.headers.get('content-type'))) {
    return refuse(415, REFUSED, 'Unsupported Media Type: Content-Type has to be application/json');
  }
  const declared = Number(request.headers.get('content-length') ?? 0);
  if (declared > limits.maxBytes) return tooLarge(limits);
  const bytes = await readBytes(request, limits);
  if (bytes === 'too large') return tooLarge(limits);
  if (bytes === 'too slow') return refuse(408, REFUSED, 'Request Timeout: the body did not arrive in time');
  if (bytes === 'broken') return refuse(400, PARSE_ERROR, 'Parse error: the body broke off');
  const parsed = parseMessage(new TextDecoder().decode(bytes));
  return parsed.ok ? parsed : refuse(400, parsed.refusal.code, parsed.refusal.message);
}

async function readBytes(
  { body }: Request,
  { maxBytes, timeoutMs }: BodyLimits,
): Promise<Uint8Array | 'too large' | 'too slow' | 'broken'> {
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const { promise: late, resolve: giveUp } = Promise.withResolvers<'too slow'>();
  const timer = setTimeout(() => giveUp('too slow'), timeoutMs);
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (;;) {
      const read = await Promise.race([reader.read(), late]);
      if (read === 'too slow') return abandon(reader, 'too slow');
      if (read.done) return Buffer.concat(pieces);
      bytes += read.value.length;
      if (bytes > maxBytes) return abandon(reader, 'too large');
      pieces.push(read.value);
    }
  } catch {
    return 'broken';
  } finally {
    clearTimeout(timer);
  }
}

/** What is still on its way is not waited for. */
function abandon<T>(reader: ReadableStreamDefaultReader<Uint8Array>, reason: T): T {
  reader.cancel().catch(() => {});
  return reason;
}

function tooLarge({ maxBytes }: BodyLimits): Body {
  return refuse(413, REFUSED, `Content Too Large: a body may have ${maxBytes} bytes`);
}

function refuse(status: number, code: number, message: string): Body {
  // What is left of a body that was not read would be taken for the next request.
  return { ok: false, response: rpcError(status, code, message, { Connection: 'close' }) };
}
