import { isHakiriError } from '@hakiri/core';

/** Names what is done and how long it takes, for whoever collects traces. */
export interface Tracer {
  /** Runs `work` within a span; what it throws ends the span as failed, with its code and nothing else. */
  span<T>(name: string, attributes: SpanAttributes, work: (span: Span) => Promise<T>): Promise<T>;
  /** Sends what has not been sent. */
  close(): Promise<void>;
}

export interface Span {
  set(attributes: SpanAttributes): void;
}

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

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
