import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findVendors, vendorAddress, vendorPackages } from '../scripts/check-vendors.ts';

test('nothing here depends on a model vendor', () => {
  assert.deepEqual(findVendors(new URL('..', import.meta.url).pathname), []);
});

test('the gate knows a vendor when it sees one', () => {
  assert.deepEqual(vendorPackages(['undici', 'openai', '@anthropic-ai/sdk', '@ai-sdk/openai', 'airtable']), [
    'openai',
    '@anthropic-ai/sdk',
    '@ai-sdk/openai',
  ]);
  assert.equal(vendorAddress('fetch("https://api.openai.com/v1")'), 'api.openai.com');
  assert.equal(vendorAddress('https://api.github.com'), undefined);
});
