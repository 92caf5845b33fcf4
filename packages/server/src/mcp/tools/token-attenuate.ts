import {
  type Attenuation,
  COLUMN_ACTIONS,
  type Grant,
  HakiriError,
  INCOGNITO_ZONES,
  NO_RESTRICTIONS,
  parseDurationMs,
} from '@hakiri/core';
import { z } from 'zod';
import { audited } from '../../caller/audited.ts';
import { present } from './present.ts';
import { answer, defineTool } from './tool.ts';

const MOST = 64;
const LONGEST_TTL_MS = 3650 * 86_400_000;
const table = z.string().min(1).max(200);
const column = z.string().min(1).max(1000);

const input = z.strictObject({
  tables: z
    .array(table)
    .min(1)
    .max(MOST)
    .optional()
    .describe('Tables it is left to; it runs no pipeline then.'),
  rows: z
    .array(z.strictObject({ table, filter: z.string().min(1).max(4000) }))
    .max(MOST)
    .optional()
    .describe('Rows it is left to: a condition over the columns as you see them.'),
  columns: z
    .array(z.strictObject({ table, names: z.array(column).min(1).max(MOST) }))
    .max(MOST)
    .optional()
    .describe('Columns it is left to.'),
  actions: z
    .array(z.strictObject({ table, column, action: z.enum(COLUMN_ACTIONS) }))
    .max(MOST)
    .optional()
    .describe('What is done to a column before it is served.'),
  min_groups: z
    .array(z.strictObject({ table, rows: z.int().min(1).max(1_000_000_000) }))
    .max(MOST)
    .optional()
    .describe('Tables of which only aggregates over so many rows are served.'),
  zones: z
    .array(z.string().min(1).max(100))
    .min(1)
    .max(MOST)
    .optional()
    .describe('Zones it is left to: on-prem:*'),
  ttl: z.string().max(20).optional().describe('How long it is valid, never longer than your own: 15m, 1h.'),
  delegate: z
    .strictObject({ agent: z.string().min(1).max(200), task: z.string().min(1).max(1000).optional() })
    .optional()
    .describe('Whom you pass it on to, for the audit.'),
});

export const tokenAttenuate = defineTool({
  name: 'token_attenuate',
  title: 'Pass on less',
  description:
    'Makes a new token out of yours for a sub-agent, with less than you have: fewer tables, rows, columns or time. It never has more, whatever is asked for, and ends with yours. Give a sub-agent the least that its task needs, name it and the task in delegate, and hand it the token and nothing of your own.',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  input,
  output: z.object({
    token: z.string().describe('A secret: for the sub-agent alone, as HAKIRI_TOKEN or bearer.'),
    expires: z.string().optional(),
  }),
  isFor: ({ token }) => token !== undefined,
  async run(asked, { services, caller, grant }) {
    const target = asked.delegate?.agent;
    const call = { action: 'token_attenuate', grant, ...(target === undefined ? {} : { target }) } as const;
    const made = await audited(services.audit, call, async () => {
      const { token } = caller;
      if (token === undefined) {
        throw new HakiriError('token.missing', 'This session has no token that could be passed on', {
          hint: 'The operator makes one with `hakiri token issue`, and starts the agent with it in HAKIRI_TOKEN.',
        });
      }
      return services.attenuator.attenuate(token, [
        // Zones of one block are alternatives: what the session is pinned to has to be a block of its own.
        ...(caller.isIncognito && !staysInside(grant)
          ? [{ ...NO_RESTRICTIONS, zones: INCOGNITO_ZONES }]
          : []),
        attenuationOf(asked, services.clock.nowMs()),
      ]);
    });
    const expires = made.expiresAtMs === undefined ? undefined : new Date(made.expiresAtMs).toISOString();
    return answer(present({ token: made.token, expires }), false, () => made.token);
  },
});

/** Whether a block of the token itself says what the session is pinned to, which stands last. */
function staysInside({ restrictions }: Grant): boolean {
  const inside = (zone: string): boolean => /^(?:local|on-prem):/.test(zone);
  return restrictions.slice(0, -1).some(({ zones }) => zones?.every(inside) === true);
}

function attenuationOf(asked: z.output<typeof input>, nowMs: number): Attenuation {
  const {
    tables,
    zones,
    rows = [],
    columns = [],
    actions = [],
    min_groups: minGroups = [],
    delegate,
  } = asked;
  return {
    rows: rows.map(({ table: name, filter }) => ({ table: name, predicate: filter })),
    columns,
    actions,
    minGroups,
    ...present({
      tables,
      zones,
      expiresAtMs: expiryOf(asked.ttl, nowMs),
      delegate: delegate && present(delegate),
    }),
  };
}

function expiryOf(ttl: string | undefined, nowMs: number): number | undefined {
  if (ttl === undefined) return undefined;
  const ms = parseDurationMs(ttl);
  if (ms !== undefined && ms > 0 && ms <= LONGEST_TTL_MS) return nowMs + ms;
  throw new HakiriError(
    'usage.argument',
    'the arguments do not fit: ttl: a number and a unit, ten years at most',
    {
      hint: 'Write 15m, 1h or 7d.',
    },
  );
}
