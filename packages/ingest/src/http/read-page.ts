import { HakiriError, type SetAside } from '@hakiri/core';
import { RecordSplitter } from '../scan/record-splitter.ts';
import type { ClientRequest, HttpClient } from '../toolkit/http-client.ts';
import { leaveBody } from '../toolkit/leave-body.ts';
import type { HttpResponse } from '../toolkit/transport.ts';
import type { Resource } from './resource.ts';

/** Records of a page, or of a part of it. */
export interface Piece {
  readonly records: Uint8Array;
  readonly rows: number;
  readonly setAside: readonly SetAside[];
}

/** How a page ended. */
export type PageEnd =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'empty' }
  | {
      readonly kind: 'read';
      readonly url: URL;
      readonly headers: HttpResponse['headers'];
      readonly envelope: unknown;
    };

export interface PageOptions {
  readonly resource: Pick<Resource, 'records' | 'format' | 'emptyStatuses'>;
  readonly maxRecordBytes: number;
  /** Members every record starts with, as JSON text without braces. */
  readonly prefix: Uint8Array | undefined;
}

/**
 * A page up to this size is held until it is whole, so that nothing of a cut one is passed on and it can be
 * asked for again. What is larger is passed on as it comes.
 */
const HOLD_BYTES = 8 * 1024 * 1024;
const PIECE_BYTES = 1024 * 1024;

/** Reads one page: its records in pieces, then how it ended. */
export async function* readPage(
  client: HttpClient,
  request: ClientRequest,
  options: PageOptions,
): AsyncGenerator<Piece, PageEnd> {
  const address = client.redactor.address(request.url);
  const opened = await client.fetch({ ...request, accept: options.resource.emptyStatuses }, (response) =>
    openPage(response, address, options),
  );
  if (opened.kind !== 'open') return { kind: opened.kind };
  const { pieces, held, headers } = opened;
  try {
    yield* held;
    const { envelope } = opened.ended ?? (yield* pieces);
    return { kind: 'read', url: request.url, headers, envelope };
  } finally {
    await pieces.return({ envelope: undefined });
  }
}

type OpenPage =
  | { readonly kind: 'unchanged' | 'empty' }
  | {
      readonly kind: 'open';
      readonly headers: HttpResponse['headers'];
      readonly held: readonly Piece[];
      readonly pieces: AsyncGenerator<Piece, Envelope>;
      readonly ended: Envelope | undefined;
    };

interface Envelope {
  readonly envelope: unknown;
}

async function openPage(response: HttpResponse, address: string, options: PageOptions): Promise<OpenPage> {
  if (response.status === 304 || response.status === 204 || response.status >= 400) {
    await leaveBody(response.body);
    return { kind: response.status === 304 ? 'unchanged' : 'empty' };
  }
  if (response.headers['content-type']?.toLowerCase().includes('html')) {
    await leaveBody(response.body);
    throw new HakiriError('source.not_json', `${address} answered with an HTML page instead of JSON`, {
      details: { address },
    });
  }
  const pieces = splitBody(response.body, address, options);
  const held: Piece[] = [];
  let heldBytes = 0;
  while (heldBytes < HOLD_BYTES) {
    const next = await pieces.next();
    if (next.done) return { kind: 'open', headers: response.headers, held, pieces, ended: next.value };
    held.push(next.value);
    heldBytes += next.value.records.length;
  }
  return { kind: 'open', headers: response.headers, held, pieces, ended: undefined };
}

async function* splitBody(
  body: AsyncIterable<Uint8Array>,
  address: string,
  options: PageOptions,
): AsyncGenerator<Piece, Envelope> {
  const { records, format } = options.resource;
  const splitter = new RecordSplitter({
    format,
    maxRecordBytes: options.maxRecordBytes,
    ...(records === undefined ? {} : { recordsPath: records }),
    ...(options.prefix === undefined ? {} : { prefix: options.prefix }),
  });
  try {
    let taken = 0;
    for await (const chunk of body) {
      splitter.push(chunk);
      taken += chunk.length;
      if (taken >= PIECE_BYTES) {
        taken = 0;
        const piece = splitter.take();
        if (piece.rows > 0 || piece.setAside.length > 0) yield piece;
      }
    }
    const { envelope } = splitter.end();
    const piece = splitter.take();
    if (piece.rows > 0 || piece.setAside.length > 0) yield piece;
    return { envelope };
  } catch (error) {
    throw located(error, address);
  }
}

/** Names the address in what the splitter found wrong. */
function located(error: unknown, address: string): unknown {
  if (!(error instanceof HakiriError) || 'address' in error.details) return error;
  return new HakiriError(error.code, `${address}: ${error.message}`, {
    hint: error.hint,
    cause: error.cause,
    details: { ...error.details, address },
  });
}
