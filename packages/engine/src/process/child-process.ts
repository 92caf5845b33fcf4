import type { ChildProcess } from 'node:child_process';
import { type ErrorCode, HakiriError } from '@hakiri/core';
import type { EngineReply, EngineRequest } from '../protocol.ts';
import { onLines, protocolLine } from '../protocol-line.ts';

/** `writer` and `reader` take trusted requests only; text from outside goes to `sql`. */
export type ChildRole = 'writer' | 'reader' | 'sql';

/** Starts this same executable with a hidden command, stdin and stdout as pipes. */
export type SpawnChild = (role: ChildRole) => ChildProcess;

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** One engine child: requests go out one after the other, each is answered or fails with the child. */
export class EngineChild {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #gone: Promise<unknown>;
  #lastId = 0;
  #memoryBytes = 0;
  #hasAnswered = false;
  #isSpent = false;
  #ended: HakiriError | undefined;

  constructor(spawn: SpawnChild, role: ChildRole) {
    this.#process = spawn(role);
    const { stdout, stdin } = this.#process;
    if (!stdout || !stdin) throw new HakiriError('internal', 'An engine child was started without pipes');
    onLines(stdout, (line) => this.#onLine(line));
    // A child that dies while we write to it reports itself through 'exit', not here.
    stdin.on('error', () => {});
    this.#process.on('error', (cause) =>
      this.#fail(new HakiriError('engine.crashed', 'The engine could not be started', { cause })),
    );
    this.#process.on('exit', (code, signal) =>
      this.#fail(
        new HakiriError('engine.crashed', `The engine's process ended (${signal ?? `exit code ${code}`})`),
      ),
    );
    this.#gone = new Promise((resolve) => this.#process.once('exit', resolve).once('error', resolve));
    // An idle child must not keep a finished program alive.
    this.#process.unref();
    for (const stream of [stdin, stdout]) (stream as { unref?: () => void }).unref?.();
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Resident, when it last answered. */
  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  /** It was started, and could do something. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** It said that it should be asked nothing more. */
  get isSpent(): boolean {
    return this.#isSpent;
  }

  get alive(): boolean {
    return this.#ended === undefined;
  }

  request(request: EngineRequest): Promise<unknown> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = ++this.#lastId;
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#hold(true);
    this.#process.stdin?.write(protocolLine({ id, ...request }));
    return answer;
  }

  /** Ends the child at once, whatever it is doing; pending requests fail with `reason`. Resolves when it is gone. */
  async kill(reason?: HakiriError): Promise<void> {
    this.#fail(reason ?? new HakiriError('engine.crashed', 'The engine was stopped'));
    this.#process.ref();
    this.#process.kill('SIGKILL');
    await this.#gone;
  }

  #onLine(line: string): void {
    const reply = JSON.parse(line) as EngineReply;
    const waiting = this.#waiting.get(reply.id);
    if (!waiting) return;
    this.#waiting.delete(reply.id);
    this.#memoryBytes = reply.memoryBytes;
    this.#hasAnswered = true;
    this.#isSpent = reply.spent === true;
    if (this.#waiting.size === 0) this.#hold(false);
    if ('ok' in reply) waiting.resolve(reply.ok);
    else {
      const { code, message, hint } = reply.error;
      waiting.reject(new HakiriError(code as ErrorCode, message, hint === undefined ? {} : { hint }));
    }
  }

  /** While a request is out, the child keeps the program alive: its pipe, and the news of its end. */
  #hold(on: boolean): void {
    const stdout = this.#process.stdout as { ref?: () => void; unref?: () => void } | null;
    if (on) {
      this.#process.ref();
      stdout?.ref?.();
    } else {
      this.#process.unref();
      stdout?.unref?.();
    }
  }

  #fail(error: HakiriError): void {
    this.#ended ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
    this.#hold(false);
  }
}
