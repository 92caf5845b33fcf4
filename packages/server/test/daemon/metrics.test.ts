import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRegistry } from '../../src/metrics/registry.ts';

test('counters, gauges and histograms in the text of Prometheus', () => {
  const registry = createRegistry();
  const runs = registry.counter('runs_total', 'Runs.');
  registry.gauge('open', 'Open now.', () => [{ value: 3 }, { labels: { of: 'x' }, value: 0.5 }]);
  const seconds = registry.histogram('seconds', 'Time.', [0.1, 1]);
  runs.add({ state: 'done' });
  runs.add({ state: 'done' }, 2);
  for (const value of [0.05, 0.1, 0.7, 5]) seconds.observe({ kind: 'sql' }, value);
  assert.equal(
    registry.text(),
    `# HELP runs_total Runs.
# TYPE runs_total counter
runs_total{state="done"} 3
# HELP open Open now.
# TYPE open gauge
open 3
open{of="x"} 0.5
# HELP seconds Time.
# TYPE seconds histogram
seconds_bucket{kind="sql",le="0.1"} 2
seconds_bucket{kind="sql",le="1"} 3
seconds_bucket{kind="sql",le="+Inf"} 4
seconds_sum{kind="sql"} 5.85
seconds_count{kind="sql"} 4
`,
  );
});

test('a label cannot end its line', () => {
  const registry = createRegistry();
  registry.counter('x', 'X.').add({ name: 'a"b\\c\nd 1' });
  assert.match(registry.text(), /^x\{name="a\\"b\\\\c\\nd 1"\} 1$/m);
});
