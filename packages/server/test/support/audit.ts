import { type AuditEvent, type AuditSink, HakiriError } from '@hakiri/core';

export interface RecordingAudit extends AuditSink {
  readonly events: AuditEvent[];
  /** Whether the disk is full. */
  fail: boolean;
}

export function recordingAudit(): RecordingAudit {
  const events: AuditEvent[] = [];
  const audit: RecordingAudit = {
    events,
    fail: false,
    async record(event) {
      if (audit.fail) throw new HakiriError('audit.unavailable', 'The disk is full');
      events.push(event);
    },
    close: async () => {},
  };
  return audit;
}
