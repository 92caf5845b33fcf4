import { AsyncLocalStorage } from 'node:async_hooks';
import { type AuditEvent, isHakiriError } from '@hakiri/core';

/** Names what is done and how long it takes, for whoever collects traces. */
export interface Tracer {
  /**
   * Runs `work` within a span; what it throws ends the span as failed, with its code and nothing else. The span around
   * it is its parent; without one, whatever `traceparent` names, of W3C's trace context.
   */
  span<T>(
    name: string,
    attributes: SpanAttributes,
    work: (span: Span) => Promise<T>,
    traceparent?: string,
  ): Promise<T>;
  /** Sends what has not been sent. */
  close(): Promise<void>;
}

export interface Span {
  set(attributes: SpanAttributes): void;
}

export type SpanAttributes = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** What is recorded of a call is said of the span that it goes on in, too. */
const spans = new AsyncLocalStorage<Span>();

export function withinSpan<T>(span: Span, work: () => Promise<T>): Promise<T> {
  return spans.run(span, work);
}

/** Who asked what of what, with which outcome: no key, no predicate, no text. */
export function traceAudit(event: AuditEvent): void {
  const { action, grant, outcome, code, reads, rows, planHash } = event;
  const said: Record<string, string | number | boolean | readonly string[] | undefined> = {
    'hakiri.action': action,
    'hakiri.agent': grant?.principal.agent,
    'hakiri.delegates': grant?.principal.delegates.map(({ agent }) => agent),
    'hakiri.zone': grant?.zone,
    'hakiri.tables': [...new Set(reads.map(({ table }) => table))],
    'hakiri.outcome': outcome,
    'hakiri.code': code,
    'hakiri.rows': rows,
    'hakiri.plan_hash': planHash,
  };
  const entries = Object.entries(said).filter(([, value]) => value !== undefined);
  spans.getStore()?.set(Object.fromEntries(entries) as SpanAttributes);
}

const NO_SPAN: Span = { set: () => {} };

/** Where nobody collects. */
export const NO_TRACES: Tracer = { span: (_name, _attributes, work) => work(NO_SPAN), close: async () => {} };

export interface TracerOptions {
  /** `OTEL_EXPORTER_OTLP_ENDPOINT`; the exporter reads the other `OTEL_EXPORTER_OTLP_` variables itself. */
  readonly endpoint: string | undefined;
  readonly version: string;
  readonly onError: (error: unknown) => void;
}

/** OpenTelemetry over OTLP/HTTP, loaded only where an endpoint is given. */
export async function createTracer({ endpoint, version, onError }: TracerOptions): Promise<Tracer> {
  if (endpoint === undefined || endpoint === '') return NO_TRACES;
  const { openTelemetryTracer } = await import('./open-telemetry.ts');
  return openTelemetryTracer(version, onError);
}

/** What a span says of a failure: never a message, which may name what was asked. */
export function codeOf(error: unknown): string {
  return isHakiriError(error) ? error.code : 'internal';
}
