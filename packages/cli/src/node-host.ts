import type { AuditEvent } from '@hakiri/core';
import type { Environment, Sink } from './output.ts';
import type { Profile } from './profile.ts';
import type { Scrubber } from './scrub.ts';
import type { Project, Services } from './services.ts';

/** The outside world as a program meets it: the real process, or a test's. */
export interface Host
  extends Pick<
    Services,
    'cwd' | 'env' | 'readStdin' | 'confirm' | 'onInterrupt' | 'writeBytes' | 'stdio' | 'exitNow'
  > {
  readonly env: Environment;
  readonly profile: Profile;
  readonly stdout: Sink;
  readonly stderr: Sink;
  openProject(folder: string, context: ProjectContext): Promise<Project>;
}

/** What a project is opened with. */
export interface ProjectContext {
  readonly env: Environment;
  readonly scrubber: Scrubber;
  /** Says something beside what was asked; nobody is told when undefined. */
  readonly note?: ((message: string) => void) | undefined;
  /** For a command that does one thing when undefined. */
  readonly staying?: Staying | undefined;
}

/** A project that stays open, for whoever asks next. */
export interface Staying {
  /** Told to whoever waits for the store. */
  readonly command: string;
  /** How long the store is kept open for writing when nobody writes any more: others want to write, too. */
  readonly keepWriterMs: number;
  /** After which a child of the engine that has nothing to do is stopped. */
  readonly keepChildrenMs: number;
  /** Told what nothing stops for. */
  onNote(message: string): void;
  /** Told of each call once it is in the audit log. */
  readonly onRecorded?: ((event: AuditEvent) => void) | undefined;
}

/** This process. */
export function nodeHost(profile: Profile): Host {
  return {
    profile,
    cwd: process.cwd(),
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    readStdin: async () => (await import('node:stream/consumers')).text(process.stdin),
    confirm: async (question) => {
      const { stdin: input, stderr: output } = process;
      if (!input.isTTY || !output.isTTY) return undefined;
      const { createInterface } = await import('node:readline/promises');
      const lines = createInterface({ input, output });
      try {
        return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
      } finally {
        lines.close();
      }
    },
    onInterrupt: (listener) => {
      const signals = ['SIGINT', 'SIGTERM'] as const;
      for (const signal of signals) process.on(signal, listener);
      return () => {
        for (const signal of signals) process.off(signal, listener);
      };
    },
    writeBytes: (bytes) =>
      new Promise((resolve, reject) => {
        process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
    stdio: () => ({ stdin: process.stdin, stdout: process.stdout }),
    exitNow: (code) => process.exit(code),
    openProject: async (folder, context) =>
      (await import('./open-project.ts')).openProject(folder, context, profile),
  };
}
