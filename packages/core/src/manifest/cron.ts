/** Five fields, or six with the seconds first: minute, hour, day of the month, month, day of the week. */

interface Field {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** Names that stand for numbers from `from` on. */
  readonly names?: readonly string[];
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const FIELDS: readonly Field[] = [
  { name: 'second', from: 0, to: 59 },
  { name: 'minute', from: 0, to: 59 },
  { name: 'hour', from: 0, to: 23 },
  { name: 'day of the month', from: 1, to: 31 },
  { name: 'month', from: 1, to: 12, names: MONTHS },
  // Sunday is 0 and 7.
  { name: 'day of the week', from: 0, to: 7, names: DAYS },
];

const LONGEST_MONTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** What keeps a text from being a cron expression; undefined when it is one. */
export function cronProblem(expression: string): string | undefined {
  const parts = expression.trim().split(/\s+/);
  if (parts.length !== 5 && parts.length !== 6) return `it has ${parts.length} fields`;
  const fields = parts.length === 6 ? FIELDS : FIELDS.slice(1);
  for (const [i, field] of fields.entries()) {
    const problem = fieldProblem(parts[i] ?? '', field);
    if (problem !== undefined) return problem;
  }
  const [days = '', months = '', weekdays = ''] = parts.slice(-3);
  return weekdays === '*' && !someMonthHas(days, months) ? 'no such day is in any of its months' : undefined;
}

function fieldProblem(text: string, field: Field): string | undefined {
  const takes = `the ${field.name} is ${field.from} to ${field.to}${field.names === undefined ? '' : ` or ${field.names[0]} to ${field.names.at(-1)}`}`;
  const wrong = text.split(',').find((item) => rangeOf(item, field) === undefined);
  return wrong === undefined
    ? undefined
    : `"${wrong}" is not part of a field: ${takes}, "*", lists "1,15", ranges "1-5" and steps "*/10"`;
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

function rangeOf(item: string, field: Field): Range | undefined {
  const [, span = '', stepText] = /^([^/]*)(?:\/(\d{1,2}))?$/.exec(item) ?? [];
  const step = Number(stepText ?? 1);
  if (step < 1 || step > field.to) return undefined;
  if (span === '*') return { from: field.from, to: field.to, step };
  const [first = '', last, ...more] = span.split('-');
  const from = numberOf(first, field);
  const to = last === undefined ? from : numberOf(last, field);
  if (from === undefined || to === undefined || from > to || more.length > 0) return undefined;
  // A step from one number on means different things to different readers.
  return last === undefined && stepText !== undefined ? undefined : { from, to, step };
}

function numberOf(text: string, { from, to, names }: Field): number | undefined {
  const named = names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return from + named;
  const value = /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  return value >= from && value <= to ? value : undefined;
}

function someMonthHas(days: string, months: string): boolean {
  const [, , , dayField, monthField] = FIELDS;
  const earliest = Math.min(...days.split(',').map((item) => rangeOf(item, dayField!)?.from ?? 1));
  return months.split(',').some((item) => {
    const { from, to, step } = rangeOf(item, monthField!) ?? { from: 1, to: 12, step: 1 };
    for (let month = from; month <= to; month += step) {
      if (earliest <= LONGEST_MONTHS[month - 1]!) return true;
    }
    return false;
  });
}
