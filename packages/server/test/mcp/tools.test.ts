import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseAddress } from '@hakiri/core';
import { WIRES } from '../support/connect.ts';
import { fakeServices } from '../support/fake-services.ts';

for (const wire of WIRES) {
  describe(wire.name, () => {
    test('the official client lists the tools and calls every one of them', async (t) => {
      const client = await wire.connect(t, fakeServices());
      assert.equal(client.getProtocolEra(), wire.era);
      assert.match(client.getInstructions() ?? '', /context_tables/);
      const { tools } = await client.listTools();
      // The client checks structured answers against the output schemas it has listed.
      const call = async (name: string, args: Record<string, unknown> = {}) => {
        const result = await client.callTool({ name, arguments: args });
        assert.notEqual(result.isError, true, `${name}: ${JSON.stringify(result.content)}`);
        return result.structuredContent as Record<string, unknown>;
      };
      assert.deepEqual((await call('context_tables')).tables, [
        { name: 'notes', stored_rows: 3, bytes: 1000, last_commit: '2026-11-01T10:00:00.000Z' },
      ]);
      assert.deepEqual((await call('context_describe', { table: 'notes' })).primary_key, ['id']);
      const answer = await call('context_query', { table: 'notes', limit: 2 });
      assert.deepEqual(answer.rows, [
        [1, 'first', 'a note'],
        [2, 'second', 'another'],
      ]);
      assert.equal(answer.truncated, 'rows');
      const more = await call('context_query', { table: 'notes', limit: 2, next: answer.next });
      assert.deepEqual([more.rows, more.next], [[[3, 'third', 'the last']], undefined]);
      const got = await call('context_get', { table: 'notes', keys: [[2], [99]], select: ['title'] });
      assert.deepEqual(
        (got.rows as { found: boolean; values?: unknown }[]).map(({ found, values }) => ({ found, values })),
        [
          { found: true, values: { title: 'second' } },
          { found: false, values: undefined },
        ],
      );
      const { ids } = await call('memory_write', { items: [{ text: 'the build is red', tags: ['ci'] }] });
      const { items } = await call('memory_search', { text: 'red' });
      assert.deepEqual(
        (items as { id: string }[]).map(({ id }) => id),
        ids,
      );
      assert.deepEqual((await call('memory_forget', { ids })).forgotten, ids);
      assert.equal(((await call('pipeline_list')).pipelines as unknown[]).length, 1);
      assert.equal((await call('pipeline_run', { id: 'notes' })).state, 'done');
      assert.equal((await call('session_incognito')).incognito, true);
      const isOverHttp = wire.name.startsWith('HTTP');
      if (isOverHttp) assert.match(String((await call('token_attenuate')).token), /~less$/);
      assert.equal(tools.length, isOverHttp ? 11 : 10);
    });

    test('a citation resolves to its row, and lists lead to it', async (t) => {
      const client = await wire.connect(t, fakeServices());
      const { structuredContent } = await client.callTool({
        name: 'context_query',
        arguments: { table: 'notes', limit: 1 },
      });
      const { citations } = structuredContent as { citations: { address: string }[][] };
      const address = citations[0]?.[0]?.address ?? '';
      assert.deepEqual(parseAddress(address), { kind: 'row', project: 'demo', table: 'notes', key: [1] });
      const read = async (uri: string) => {
        const [content] = (await client.readResource({ uri })).contents;
        return JSON.parse(content !== undefined && 'text' in content ? content.text : '');
      };
      assert.deepEqual((await read(address)).row, { id: 1, title: 'first', body: 'a note' });
      const { resources } = await client.listResources();
      assert.deepEqual(
        resources.map(({ uri }) => uri),
        ['hakiri://demo/tables/notes'],
      );
      assert.equal((await read('hakiri://demo/tables/notes')).table.rows, 3);
      assert.equal((await read('hakiri://demo/runs/01K0000000000000000000000A')).run.pipeline, 'notes');
      const { resourceTemplates } = await client.listResourceTemplates();
      assert.equal(resourceTemplates.length, 3);
      const { completion } = await client.complete({
        ref: { type: 'ref/resource', uri: resourceTemplates[0]?.uriTemplate ?? '' },
        argument: { name: 'table', value: 'no' },
      });
      assert.deepEqual(completion.values, ['notes']);
    });

    test('what has no address is not found', async (t) => {
      const client = await wire.connect(t, fakeServices());
      for (const uri of [
        'hakiri://demo/tables/nothing',
        'hakiri://demo/tables/notes/rows/%5B99%5D',
        'hakiri://demo/runs/01K0000000000000000000000Z',
        'hakiri://other/tables/notes',
        'file:///etc/passwd',
      ]) {
        await assert.rejects(client.readResource({ uri }), /not found/i, uri);
      }
    });

    test('a dotted name is the same tool', async (t) => {
      const client = await wire.connect(t, fakeServices());
      const result = await client.callTool({
        name: 'context.get',
        arguments: { table: 'notes', keys: [[3]] },
      });
      assert.match(JSON.stringify(result.structuredContent), /the last/);
      const { tools } = await client.listTools();
      assert.ok(tools.every(({ name }) => /^[a-z_]+$/.test(name)));
    });

    test('progress is told as rows are committed, and only grows', async (t) => {
      const client = await wire.connect(t, fakeServices());
      const told: number[] = [];
      const result = await client.callTool(
        { name: 'pipeline_run', arguments: { id: 'notes' } },
        { onprogress: ({ progress }) => told.push(progress) },
      );
      assert.equal(result.isError, undefined);
      assert.deepEqual(told, [1, 3]);
    });

    test('a cancelled run is aborted and keeps nobody waiting', async (t) => {
      const { promise: aborted, resolve: onAbort } = Promise.withResolvers<void>();
      const { promise: started, resolve: onStart } = Promise.withResolvers<void>();
      const { promise: told, resolve: onCancelled } = Promise.withResolvers<void>();
      const { pipelines } = fakeServices();
      const services = fakeServices(undefined, {
        pipelines: {
          ...pipelines,
          run: (_id, { signal }) =>
            new Promise((_resolve, reject) => {
              signal?.addEventListener('abort', () => {
                onAbort();
                reject(new Error('aborted'));
              });
              onStart();
            }),
        },
      });
      const client = await wire.connect(t, services, {
        onToolCall: ({ outcome }) => outcome === 'cancelled' && onCancelled(),
      });
      const controller = new AbortController();
      const running = client.callTool(
        { name: 'pipeline_run', arguments: { id: 'notes' } },
        { signal: controller.signal },
      );
      await started;
      // Others are served while it runs.
      const beside = await client.callTool({
        name: 'context_get',
        arguments: { table: 'notes', keys: [[1]] },
      });
      assert.equal(beside.isError, undefined);
      controller.abort();
      await assert.rejects(running);
      await aborted;
      await told;
    });
  });
}
