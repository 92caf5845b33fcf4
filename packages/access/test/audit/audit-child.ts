/** Writes records until it has written so many, or is killed. Arguments: the audit folder, a count. */
import { openTestAudit, returned } from './support.ts';

const [folder = '', count = ''] = process.argv.slice(2);
const log = openTestAudit(folder);
for (let i = 0; i < Number(count); i++) {
  await log.record(returned('t', [i]));
  if (i === 20) process.stdout.write('.');
}
await log.close();
