import assert from 'node:assert/strict';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { before, describe, type TestContext, test } from 'node:test';
import { createMcp, type McpHandlers } from '../../src/index.ts';
import { fakeServices } from '../support/fake-services.ts';
import { listenWithToken } from '../support/listen-with-token.ts';
import { installPeers, run } from '../support/peers.ts';
import { suiteFixtures } from '../support/suite-fixtures.ts';

/**
 * The protocol's own conformance suite, with everything that each of the two revisions requires, over our transport
 * and guards. Once with the tools, prompts and resources that the suite wants to find, where nothing may fail but what
 * no revision requires; and once as a user meets Hakiri, where scenarios fail that need those.
 */
const REVISIONS = ['2025-11-25', '2026-07-28'] as const;

const TASKS = 'an optional extension (SEP-2663) that Hakiri does not offer';
const NOT_REQUIRED: Readonly<Record<string, string>> = {
  'tasks-lifecycle': TASKS,
  'tasks-capability-negotiation': TASKS,
  'tasks-wire-fields': TASKS,
  'tasks-request-state-removal': TASKS,
  'tasks-mrtr-input': TASKS,
  'tasks-request-headers': TASKS,
  'tasks-dispatch-and-envelope': TASKS,
  'tasks-required-task-error': TASKS,
  'tasks-mrtr-composition': TASKS,
};

const TOOL = "calls a tool of the suite's own";
const RESOURCE = "reads a resource of the suite's own";
const PROMPTS = "asks for prompts of the suite's own; Hakiri has none and does not say it has";
const WITHOUT_FIXTURES: Readonly<Record<string, string>> = {
  ...NOT_REQUIRED,
  'tools-call-simple-text': TOOL,
  'tools-call-image': TOOL,
  'tools-call-audio': TOOL,
  'tools-call-embedded-resource': TOOL,
  'tools-call-mixed-content': TOOL,
  'tools-call-with-logging': TOOL,
  'tools-call-error': TOOL,
  'tools-call-with-progress': TOOL,
  'tools-call-sampling': TOOL,
  'tools-call-elicitation': TOOL,
  'elicitation-sep1034-defaults': TOOL,
  'elicitation-sep1330-enums': TOOL,
  'json-schema-2020-12': "looks for a tool of the suite's own in the list",
  'http-custom-header-server-validation': "looks for a tool of the suite's own in the list",
  'server-stateless:sep-2575-server-rejects-undeclared-capability': TOOL,
  'server-stateless:sep-2575-missing-capability-http-400': TOOL,
  'server-stateless:sep-2575-http-server-no-independent-requests-on-stream': TOOL,
  'server-stateless:sep-2575-server-no-log-without-loglevel': TOOL,
  'input-required-result-basic-elicitation': TOOL,
  'input-required-result-basic-sampling': TOOL,
  'input-required-result-basic-list-roots': TOOL,
  'input-required-result-request-state': TOOL,
  'input-required-result-multiple-input-requests': TOOL,
  'input-required-result-multi-round': TOOL,
  'input-required-result-result-type': TOOL,
  'input-required-result-tampered-state': TOOL,
  'input-required-result-capability-check': TOOL,
  'resources-read-text': RESOURCE,
  'resources-read-binary': RESOURCE,
  'resources-templates-read': RESOURCE,
  'resources-subscribe': "subscribes to a resource of the suite's own; Hakiri does not say that it can",
  'resources-unsubscribe': "subscribes to a resource of the suite's own; Hakiri does not say that it can",
  'logging-set-level': 'logging to the client, deprecated since 2026-07-28; Hakiri does not say that it does',
  'prompts-list': PROMPTS,
  'prompts-get-simple': PROMPTS,
  'prompts-get-with-args': PROMPTS,
  'prompts-get-embedded-resource': PROMPTS,
  'prompts-get-with-image': PROMPTS,
  'input-required-result-non-tool-request': PROMPTS,
  'caching:sep-2549-prompts-list-caching-hints': PROMPTS,
};

describe('the conformance suite', () => {
  let peer: (path: string) => string;
  const used = new Set<string>();
  before(async () => {
    peer = await installPeers();
  });

  for (const revision of REVISIONS) {
    test(`${revision}: with its fixtures, everything that is required passes`, async (t) => {
      const { passed, failed } = await runSuite(t, peer, revision, suiteFixtures());
      assert.deepEqual(unexpected(failed, NOT_REQUIRED, used), []);
      assert.ok(passed > 70, `${passed} checks passed`);
    });

    test(`${revision}: without them, nothing fails that does not need them`, async (t) => {
      const { passed, failed } = await runSuite(t, peer, revision, createMcp(fakeServices()));
      assert.deepEqual(unexpected(failed, WITHOUT_FIXTURES, used), []);
      assert.ok(passed > 40, `${passed} checks passed`);
    });
  }

  test('every reason that is given for a failure is still one', () => {
    assert.deepEqual(
      Object.keys(WITHOUT_FIXTURES).filter((reason) => !used.has(reason)),
      [],
    );
  });
});

/** Failed checks that have no reason, neither by themselves nor as part of their scenario. */
function unexpected(
  failed: readonly Failed[],
  reasons: Readonly<Record<string, string>>,
  used: Set<string>,
): readonly string[] {
  return failed
    .filter(({ scenario, check }) => {
      const reason = [scenario, `${scenario}:${check}`].find((key) => key in reasons);
      if (reason !== undefined) used.add(reason);
      return reason === undefined;
    })
    .map(({ scenario, check, message }) => `${scenario}:${check}: ${message}`);
}

interface Failed {
  readonly scenario: string;
  readonly check: string;
  readonly message: string | undefined;
}

async function runSuite(
  t: TestContext,
  peer: (path: string) => string,
  revision: string,
  mcp: McpHandlers,
): Promise<{ readonly passed: number; readonly failed: readonly Failed[] }> {
  const { url, close } = await listenWithToken(mcp);
  const folder = mkdtempSync(join(tmpdir(), 'hakiri-conformance-'));
  t.after(async () => {
    await close();
    rmSync(folder, { recursive: true });
  });
  const suite = peer('@modelcontextprotocol/conformance/dist/index.js');
  const args = ['server', '--url', url, '--requirements', revision, '--output-dir', folder];
  const { stderr } = await run(process.execPath, [suite, ...args]);
  const checks = globSync('**/checks.json', { cwd: folder }).flatMap((file) => {
    const scenario = basename(dirname(file))
      .replace(/^server-/, '')
      .replace(/-\d{4}-\d\d-\d\dT.*$/, '');
    const made = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
      readonly id: string;
      readonly status: string;
      readonly errorMessage?: string;
    }[];
    return made.map(({ id, status, errorMessage }) => ({
      scenario,
      check: id,
      status,
      message: errorMessage,
    }));
  });
  const failed = checks.filter(({ status }) => status === 'FAILURE');
  const passed = checks.filter(({ status }) => status === 'SUCCESS').length;
  t.diagnostic(`${passed} checks passed, ${failed.length} failed`);
  assert.notEqual(passed, 0, stderr);
  return { passed, failed };
}
