import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ONLY_FULL } from '../../packages/cli/test/support/only-full.ts';
import { bundle } from '../src/bundle.ts';
import type { Costs } from '../src/costs.ts';
import { PROFILES, type ReleaseProfile } from '../src/profile.ts';
import { payloadIndex } from './support/payload-index.ts';
import { emptyFolder, releasedProgram } from './support/released.ts';

/** No component host, search index or MCP server, and no native part of one, whatever of the program is looked at. */
test('the core program holds no server and no search, the full one both', (t) => {
  const folder = emptyFolder(t);
  const modulesOf = (profile: ReleaseProfile): readonly string[] => {
    const outfile = join(folder, `${profile}.cjs`);
    const modules = bundle(profile, outfile).map(({ path }) => path);
    const released = join(`${releasedProgram(profile)}-unpacked`, 'hakiri.cjs');
    assert.ok(readFileSync(outfile).equals(readFileSync(released)), 'the released bundle has other modules');
    return modules;
  };
  assert.deepEqual(
    modulesOf('core').filter((path) => ONLY_FULL.test(path)),
    [],
  );
  const full = modulesOf('full');
  for (const part of ['packages/server/src/mcp/', 'retrieval/src/text/', 'usearch', 'pino'])
    assert.ok(
      full.some((path) => path.includes(part)),
      part,
    );
});

test('the core payload has no file, component or share of what only the full one holds', () => {
  const ONLY_FULL_PART =
    /usearch|modelcontextprotocol|hono|pino|opentelemetry|@hakiri\/server|wasm|jco|component/;
  const parts = (profile: ReleaseProfile): readonly string[] => {
    const program = releasedProgram(profile);
    const costs = JSON.parse(readFileSync(`${program}.costs.json`, 'utf8')) as Costs;
    const { components } = JSON.parse(readFileSync(`${program}.cdx.json`, 'utf8')) as {
      readonly components: readonly { readonly name: string }[];
    };
    const index = payloadIndex(readFileSync(program)).map(({ name }) => name);
    assert.deepEqual(index.toSorted(), readdirSync(`${program}-unpacked`).sort());
    return [...index, ...components.map(({ name }) => name), ...Object.keys(costs.parts)];
  };
  assert.deepEqual(
    parts('core').filter((part) => ONLY_FULL_PART.test(part)),
    [],
  );
  const full = parts('full');
  for (const part of ['usearch.node', '@modelcontextprotocol/server', '@hakiri/server'])
    assert.ok(full.includes(part), part);
});

test('what the parts of a program cost is the whole of it', () => {
  for (const profile of PROFILES) {
    const program = releasedProgram(profile);
    const costs = JSON.parse(readFileSync(`${program}.costs.json`, 'utf8')) as Costs;
    const sum = Object.values(costs.parts).reduce((bytes, part) => bytes + part.bytes, 0);
    assert.equal(sum, costs.bytes);
    assert.equal(costs.bytes, statSync(program).size);
  }
});
