import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { linkAddress } from '../../src/toolkit/link-header.ts';

describe('a Link header', () => {
  it('is read whatever its spacing, quotes, order and other parameters', () => {
    const header =
      '<https://a.b/x?page=1,2>; rel="prev", </y?page=3>;title="a, b; rel=last" ; REL=next , <z>; rel="last start"';
    assert.equal(linkAddress(header, 'prev'), 'https://a.b/x?page=1,2');
    assert.equal(linkAddress(header, 'next'), '/y?page=3');
    assert.equal(linkAddress(header, 'last'), 'z');
    assert.equal(linkAddress(header, 'start'), 'z');
    assert.equal(linkAddress(header, 'first'), undefined);
    assert.equal(linkAddress(undefined, 'next'), undefined);
    assert.equal(linkAddress('nonsense <', 'next'), undefined);
  });
});
