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
