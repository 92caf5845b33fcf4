import { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, DiagLogLevel, diag, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { codeOf, type SpanAttributes, type Tracer, withinSpan } from './tracer.ts';

/** The collector gets the names, times and sizes of what was done: no SQL, no text, no row. */
export function openTelemetryTracer(version: string, onError: (error: unknown) => void): Tracer {
  const tell = (message: string): void => onError(new Error(message));
  const silent = { warn: () => {}, info: () => {}, debug: () => {}, verbose: () => {} };
  diag.setLogger({ error: tell, ...silent }, DiagLogLevel.ERROR);
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'hakiri', 'service.version': version }),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
  });
  const tracer = provider.getTracer('hakiri', version);
  const around = new AsyncLocalStorage<Context>();
  return {
    async span(name, attributes, work, traceparent) {
      const parent = around.getStore() ?? contextOf(traceparent);
      const span = tracer.startSpan(name, { attributes: mutable(attributes) }, parent);
      const own = { set: (more: SpanAttributes) => void span.setAttributes(mutable(more)) };
      try {
        return await around.run(trace.setSpan(parent, span), () => withinSpan(own, () => work(own)));
      } catch (error) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: codeOf(error) });
        throw error;
      } finally {
        span.end();
      }
    },
    close: () => provider.shutdown().catch(onError),
  };
}

/** The library's types want arrays that could be changed. */
const mutable = (attributes: SpanAttributes) =>
  attributes as Record<string, string | number | boolean | string[]>;

/** `traceparent` was checked for its form where it came in. */
function contextOf(traceparent: string | undefined): Context {
  const [, traceId, spanId, flags] = traceparent?.split('-') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return ROOT_CONTEXT;
  const traceFlags = Number.parseInt(flags, 16);
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}
