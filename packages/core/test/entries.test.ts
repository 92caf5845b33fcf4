import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

/** The packages that importing `entry` in a fresh process loads. */
function loadedBy(entry: string): string {
  const script = `
    import { registerHooks } from 'node:module';
    registerHooks({ load(url, context, next) { console.log(url); return next(url, context); } });
    await import(${JSON.stringify(import.meta.resolve(entry))});`;
  return execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
}

test('the main entry loads neither the validator nor the TOML reader', () => {
  assert.doesNotMatch(loadedBy('@hakiri/core'), /\/(zod|smol-toml)\//);
  assert.match(loadedBy('@hakiri/core/manifest'), /\/zod\/[\s\S]*\/smol-toml\//);
});
