import { parseDuration } from '../flag-values.ts';

/** Flags that several commands take, described alike. */
export const jsonFlag = {
  kind: 'boolean',
  brief: 'Print one JSON document, and errors as JSON',
  default: false,
  withNegated: false,
} as const;

export const projectFlag = {
  kind: 'parsed',
  parse: String,
  optional: true,
  placeholder: 'DIR',
  brief: 'Work on the project in this folder, not the nearest one',
} as const;

export const asOwnerFlag = {
  kind: 'boolean',
  brief: 'As the owner who passes policies and zones by; the audit says so',
  default: false,
  withNegated: false,
} as const;

export const lockWaitFlag = {
  kind: 'parsed',
  parse: parseDuration,
  default: '10s',
  placeholder: 'TIME',
  brief: 'How long to wait while another process compacts, collects or erases',
} as const;
