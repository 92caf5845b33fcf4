import { join } from 'node:path';
import { openPseudonyms } from '@hakiri/access';
import {
  type AuditKeys,
  type AuditLog,
  type AuditSigner,
  auditKeys,
  auditSigner,
  openAudit,
} from '@hakiri/access/audit';
import {
  type AuditEvent,
  type Clock,
  type Files,
  HakiriError,
  isHakiriError,
  type NodeId,
} from '@hakiri/core';
import { once } from './opening.ts';

/** The audit log of a project. */
export interface ProjectAudit {
  /** Nothing of it is opened before the first record. */
  readonly log: AuditLog;
  /** `.hakiri/audit` */
  readonly folder: string;
  /** Of what answers, made again from the log. */
  readonly indexFile: string;
  /** Undefined where the project has no pseudonym key here. */
  keys(): Promise<AuditKeys | undefined>;
}

export function projectAudit(
  root: string,
  {
    files,
    clock,
    nodeId,
    onRecorded,
  }: {
    readonly files: Files;
    readonly clock: Clock;
    readonly nodeId: () => Promise<NodeId>;
    readonly onRecorded?: ((event: AuditEvent) => void) | undefined;
  },
): ProjectAudit {
  const folder = join(root, 'audit');
  const keysFolder = join(root, 'keys');
  const keysOf = once(async () => auditKeys((await openPseudonyms(files, keysFolder)).subkey('audit')));
  const open = once(async () =>
    openAudit({
      files,
      clock,
      folder,
      node: await nodeId(),
      keys: await keysOf(),
      signer: () => readSigner(files, join(keysFolder, 'signing.key')),
    }),
  );
  const opened = (): Promise<AuditLog> =>
    open().catch((error: unknown) => {
      const why = isHakiriError(error) ? `: ${error.code}` : '';
      throw new HakiriError('audit.unavailable', `The audit log cannot be opened${why}`, { cause: error });
    });
  /** A request can be short enough to be guessed from its digest. */
  const withSealedPlan = async (event: AuditEvent): Promise<AuditEvent> =>
    event.planHash === undefined
      ? event
      : { ...event, planHash: (await keysOf()).seal('plan', event.planHash) };
  return {
    folder,
    indexFile: join(root, 'cache', 'audit', 'index.sqlite'),
    log: {
      async record(event) {
        const log = await opened();
        const sealed = await withSealedPlan(event);
        await log.record(sealed);
        onRecorded?.(sealed);
      },
      checkpoint: async () => (await opened()).checkpoint(),
      close: async () => (await open.opened?.catch(() => undefined))?.close(),
    },
    keys: async () =>
      (await files.stat(join(keysFolder, 'pseudonym.key'))) === undefined ? undefined : keysOf(),
  };
}

/** Undefined where there is no signing key that this process can read: then checkpoints are sealed and not signed. */
async function readSigner(files: Files, path: string): Promise<AuditSigner | undefined> {
  const text = await files.readText(path).catch(() => '');
  const seed = /^(?:ed25519-private\/)?([0-9a-f]{64})\s*$/.exec(text)?.[1];
  return seed === undefined ? undefined : auditSigner(Buffer.from(seed, 'hex'));
}
