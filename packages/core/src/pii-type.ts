/** What kind of value a column holds of a person: how it is masked, and what is looked for in texts that quote it. */
export const PII_TYPES = [
  'email',
  'phone',
  'name',
  'address',
  'ip',
  'credit_card',
  'iban',
  'national_id',
  'date_of_birth',
  'phi',
  'secret',
  'other',
] as const;

export type PiiType = (typeof PII_TYPES)[number];

/** Those whose values are told from other text by how they look. */
export const FINDABLE_PII_TYPES: readonly PiiType[] = [
  'email',
  'phone',
  'ip',
  'credit_card',
  'iban',
  'secret',
];
