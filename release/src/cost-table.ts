import type { Cost, Costs } from './costs.ts';

/** A dependency that grew by more than both has to be looked at. */
const GROWN_BY = 0.1;
const GROWN_BYTES = 100_000;

/** What each part costs, now and in the last release, the largest first; what is new, gone or grown is marked. */
export function costTable(name: string, now: Costs, last: Costs | undefined): string {
  const names = [...new Set([...Object.keys(now.parts), ...Object.keys(last?.parts ?? {})])];
  const rows = names
    .map((part) => ({ part, now: now.parts[part], last: last?.parts[part] }))
    .sort((a, b) => (b.now?.bytes ?? 0) - (a.now?.bytes ?? 0) || (a.part < b.part ? -1 : 1))
    .map((row) => line(row.now, row.last, label(row), last === undefined ? '' : mark(row.now, row.last)));
  const since = last === undefined ? 'nothing released to compare with' : `since ${last.version}`;
  const head = `${'KB now'.padStart(NUMBER)}${'last'.padStart(NUMBER)}${'change'.padStart(NUMBER)}  ${name}, ${since}`;
  return `${[head, ...rows, line(now, last, 'the whole program', '')].join('\n')}\n`;
}

const NUMBER = 11;

function line(now: Cost | undefined, last: Cost | undefined, label: string, marked: string): string {
  const change = now === undefined || last === undefined ? '' : signed(now.bytes - last.bytes);
  const columns = [kilobytes(now?.bytes), kilobytes(last?.bytes), change];
  return `${columns.map((text) => text.padStart(NUMBER)).join('')}  ${label}${marked}`;
}

interface Row {
  readonly part: string;
  readonly now: Cost | undefined;
  readonly last: Cost | undefined;
}

function label({ part, now, last }: Row): string {
  const [version, before] = [now?.version, last?.version];
  if (version !== undefined && before !== undefined && version !== before)
    return `${part} ${before} -> ${version}`;
  return `${part} ${version ?? before ?? ''}`.trimEnd();
}

function mark(now: Cost | undefined, last: Cost | undefined): string {
  if (now === undefined) return '  GONE';
  if (last === undefined) return '  NEW';
  const grown = now.bytes - last.bytes;
  return grown > GROWN_BYTES && grown > last.bytes * GROWN_BY ? '  GREW' : '';
}

function kilobytes(bytes: number | undefined): string {
  return bytes === undefined ? '-' : (bytes / 1000).toFixed(1);
}

function signed(bytes: number): string {
  const text = kilobytes(bytes);
  return bytes > 0 ? `+${text}` : text === '-0.0' ? '0.0' : text;
}
