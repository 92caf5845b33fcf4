import { INCOGNITO_ZONES } from '@hakiri/core';
import { z } from 'zod';
import { audited } from '../../caller/audited.ts';
import { answer, defineTool } from './tool.ts';

export const sessionIncognito = defineTool({
  name: 'session_incognito',
  title: 'Go incognito',
  description:
    'Pins this session to local and on-prem zones: from here on everything is refused to a caller whose model runs in a cloud, and no text of a question is sent to an embedding model there. Nothing in the session undoes it; tokens passed on with token_attenuate carry it. Call it before working on what must not leave the house.',
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({}),
  output: z.object({
    incognito: z.literal(true),
    zones: z.array(z.string()).describe('Where the caller has to be from here on.'),
    your_zone: z.string().optional().describe('What the token says; without one everything is refused.'),
  }),
  async run(_input, { services, caller, grant }) {
    await audited(services.audit, { action: 'session_incognito', grant }, async () => caller.pin());
    const { zone } = grant;
    return answer(
      { incognito: true, zones: [...INCOGNITO_ZONES], ...(zone === undefined ? {} : { your_zone: zone }) },
      false,
      ({ zones }) =>
        `This session is incognito: left to ${zones.join(' and ')}. You are in ${zone ?? 'no zone that anybody named'}.`,
    );
  },
});
