/**
 * Counters, gauges and histograms in the text format of Prometheus
 * (https://prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4). Series come into being with their
 * first value, so that labels must not come from data: a pipeline's id will do, a row's value will not.
 */
export interface Registry {
  counter(name: string, help: string): Counter;
  /** Asked each time the text is made. */
  gauge(name: string, help: string, read: () => readonly Sample[]): void;
  /** `buckets`: upper bounds, ascending. */
  histogram(name: string, help: string, buckets: readonly number[]): Histogram;
  text(): string;
}

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
}

export interface Counter {
  add(labels: Labels, by?: number): void;
}

export interface Histogram {
  observe(labels: Labels, value: number): void;
}

export const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export function createRegistry(): Registry {
  const families: (() => readonly string[])[] = [];
  const family = (name: string, help: string, type: string, lines: () => readonly string[]): void => {
    families.push(() => [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines()]);
  };
  return {
    counter(name, help) {
      const values = new Map<string, number>();
      family(name, help, 'counter', () => [...values].map(([labels, value]) => line(name, labels, value)));
      return {
        add(labels, by = 1) {
          const key = labelText(labels);
          values.set(key, (values.get(key) ?? 0) + by);
        },
      };
    },
    gauge(name, help, read) {
      family(name, help, 'gauge', () =>
        read().map(({ labels = {}, value }) => line(name, labelText(labels), value)),
      );
    },
    histogram(name, help, buckets) {
      const series = new Map<string, { readonly counts: number[]; sum: number; count: number }>();
      family(name, help, 'histogram', () =>
        [...series].flatMap(([labels, { counts, sum, count }]) => [
          ...buckets.map((bound, i) =>
            line(`${name}_bucket`, withBound(labels, String(bound)), counts[i] ?? 0),
          ),
          line(`${name}_bucket`, withBound(labels, '+Inf'), count),
          line(`${name}_sum`, labels, sum),
          line(`${name}_count`, labels, count),
        ]),
      );
      return {
        observe(labels, value) {
          const key = labelText(labels);
          const one = series.get(key) ?? { counts: buckets.map(() => 0), sum: 0, count: 0 };
          series.set(key, one);
          for (const [i, bound] of buckets.entries())
            if (value <= bound) one.counts[i] = (one.counts[i] ?? 0) + 1;
          one.sum += value;
          one.count++;
        },
      };
    },
    text: () => `${families.flatMap((lines) => lines()).join('\n')}\n`,
  };
}

const line = (name: string, labels: string, value: number): string =>
  `${name}${labels === '' ? '' : `{${labels}}`} ${value}`;

function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
    .join(',');
}

const withBound = (labels: string, bound: string): string =>
  `${labels}${labels === '' ? '' : ','}le="${bound}"`;

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
