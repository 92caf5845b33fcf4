import { DiagLogLevel, diag, SpanStatusCode } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { codeOf, type Tracer } from './tracer.ts';

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
  return {
    async span(name, attributes, work) {
      const span = tracer.startSpan(name, { attributes });
      try {
        return await work({ set: (more) => span.setAttributes(more) });
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
